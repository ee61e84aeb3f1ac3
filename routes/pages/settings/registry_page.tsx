/**
 * The page of settings that an account keeps in its repo, for all registries,
 * and of those that one browser keeps.
 *
 * @module
 */

import type { SailorProfile } from "../../../lib/atproto/records/records.ts";
import type { Did } from "../../../lib/did.ts";
import { CsrfField, type Visitor } from "../document.tsx";
import { PREFERRED_CLIENTS } from "../frame/frame.ts";
import { settingsPage } from "./settings_page.tsx";

/** A hold that one may choose. */
export interface HoldChoice {
  readonly did: Did;
  readonly name: string;
}

/** What stands in the form. */
export interface RegistryForm {
  /** A DID, `` for the registry's choice, or `other`. */
  readonly hold: string;
  /** Typed where it is `other`. */
  readonly other: string;
  readonly client: string;
  readonly domain: string;
  readonly removesUntagged: boolean;
  readonly hasShortcuts: boolean;
  /** Undefined where no hold runs here that could post. */
  readonly isPosted: boolean | undefined;
}

/** Content of the page. */
export interface RegistryPageProps {
  readonly visitor: Visitor;
  readonly csrf: string;
  readonly form: RegistryForm;
  readonly holds: readonly HoldChoice[];
  /** Name of the hold that is used where none is chosen. */
  readonly usual: string;
  /** Domains of this registry, the first one first. */
  readonly domains: readonly string[];
  readonly problem: string | undefined;
  readonly done: string | undefined;
}

/** What the form says before anything is typed. */
export function registryForm(
  profile: SailorProfile,
  own: Pick<RegistryForm, "hasShortcuts" | "isPosted">,
): RegistryForm {
  return {
    hold: profile.defaultHold ?? "",
    other: "",
    client: profile.client ?? "docker",
    domain: profile.registryDomain ?? "",
    removesUntagged: profile.autoRemoveUntagged,
    ...own,
  };
}

/** Renders the page. */
export function registrySettingsPage(props: RegistryPageProps): string {
  const { visitor, csrf, form, domains, problem, done } = props;
  return settingsPage({
    visitor,
    current: "registry",
    title: "Registry settings",
    problem,
    done,
    children: (
      <form class="form" method="post" action="/settings">
        <CsrfField token={csrf} />
        <section class="panel" aria-labelledby="pushes">
          <header>
            <h2 id="pushes">Pushes</h2>
            <span class="small soft">kept in your own repo</span>
          </header>
          <div class="body">
            <HoldField {...props} />
            <p class="field check">
              <label>
                <input
                  type="checkbox"
                  name="untagged"
                  value="yes"
                  checked={form.removesUntagged}
                  aria-describedby="untagged-hint"
                />
                <span>Delete an image when a push moves its last tag away</span>
              </label>
              <small id="untagged-hint">
                The record leaves your repo soon after the push. Nothing that
                another tag, an index, a signature or another attachment names
                is deleted. Such an image cannot be pulled by its digest
                afterwards.
              </small>
            </p>
          </div>
        </section>
        <section class="panel" aria-labelledby="commands">
          <header>
            <h2 id="commands">Commands on pages</h2>
          </header>
          <div class="body">
            <p class="field">
              <label for="client">Client</label>
              <select id="client" name="client">
                {PREFERRED_CLIENTS.map((client) => (
                  <option
                    key={client}
                    value={client}
                    selected={client === form.client}
                  >
                    {client}
                  </option>
                ))}
              </select>
            </p>
            {domains.length > 1 && (
              <p class="field">
                <label for="domain">Domain in names of images</label>
                <select id="domain" name="domain">
                  {domains.map((domain) => (
                    <option
                      key={domain}
                      value={domain}
                      selected={domain === form.domain}
                    >
                      {domain}
                    </option>
                  ))}
                </select>
              </p>
            )}
          </div>
        </section>
        <section class="panel" aria-labelledby="browser">
          <header>
            <h2 id="browser">Pages</h2>
            <span class="small soft">kept in this browser</span>
          </header>
          <div class="body">
            <p class="field check">
              <label>
                <input
                  type="checkbox"
                  name="shortcuts"
                  value="on"
                  checked={form.hasShortcuts}
                />
                <span>
                  Single keys are shortcuts, such as <kbd>/</kbd> for search
                </span>
              </label>
            </p>
          </div>
        </section>
        {form.isPosted !== undefined && (
          <section class="panel" aria-labelledby="posts">
            <header>
              <h2 id="posts">Posts</h2>
            </header>
            <div class="body">
              <p class="field check">
                <label>
                  <input
                    type="checkbox"
                    name="posted"
                    value="yes"
                    checked={form.isPosted}
                  />
                  <span>
                    The hold of this server may post about my pushes and name me
                  </span>
                </label>
              </p>
            </div>
          </section>
        )}
        <p class="actions">
          <button type="submit" class="button primary">Save</button>
        </p>
      </form>
    ),
  });
}

function HoldField({ form, holds, usual }: RegistryPageProps) {
  const isListed = form.hold === "" || form.hold === "other" ||
    holds.some(({ did }) => did === form.hold);
  return (
    <fieldset class="field">
      <legend>Hold for new images</legend>
      <select name="hold" aria-label="Hold" aria-describedby="hold-hint">
        <option value="" selected={form.hold === ""}>
          The registry’s choice ({usual})
        </option>
        {!isListed && <option value={form.hold} selected>{form.hold}</option>}
        {holds.map(({ did, name }) => (
          <option key={did} value={did} selected={did === form.hold}>
            {name}
          </option>
        ))}
        <option value="other" selected={form.hold === "other"}>
          Another one, named below
        </option>
      </select>
      <input
        name="other"
        value={form.other}
        maxLength={2048}
        placeholder="hold.example.com"
        aria-label="Another hold: its host, handle or DID"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
      />
      <small id="hold-hint">
        Where layers of new pushes go. Images that are there already stay where
        they are, and their names do not change.{" "}
        <a href="/h">Which holds there are</a>
      </small>
    </fieldset>
  );
}
