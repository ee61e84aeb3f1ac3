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
import { CheckField, SelectField } from "../parts/fields.tsx";
import { Panel } from "../parts/panel.tsx";
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
  const { visitor, csrf, form, problem, done } = props;
  return settingsPage({
    visitor,
    current: "registry",
    title: "Registry settings",
    problem,
    done,
    children: (
      <form class="form" method="post" action="/settings">
        <CsrfField token={csrf} />
        <Pushes {...props} />
        <Commands {...props} />
        <Panel id="browser" title="Pages" note="kept in this browser">
          <div class="body">
            <CheckField
              name="shortcuts"
              value="on"
              checked={form.hasShortcuts}
            >
              Single keys are shortcuts, such as <kbd>/</kbd> for search
            </CheckField>
          </div>
        </Panel>
        {form.isPosted !== undefined && (
          <Panel id="posts" title="Posts">
            <div class="body">
              <CheckField name="posted" checked={form.isPosted}>
                The hold of this server may post about my pushes and name me
              </CheckField>
            </div>
          </Panel>
        )}
        <p class="actions">
          <button type="submit" class="button primary">Save</button>
        </p>
      </form>
    ),
  });
}

function Pushes(props: RegistryPageProps) {
  return (
    <Panel id="pushes" title="Pushes" note="kept in your own repo">
      <div class="body">
        <HoldField {...props} />
        <CheckField
          name="untagged"
          checked={props.form.removesUntagged}
          hint="The record leaves your repo soon after the push. Nothing that another tag, an index, a signature or another attachment names is deleted. Such an image cannot be pulled by its digest afterwards."
        >
          Delete an image when a push moves its last tag away
        </CheckField>
      </div>
    </Panel>
  );
}

function Commands({ form, domains }: RegistryPageProps) {
  return (
    <Panel id="commands" title="Commands on pages">
      <div class="body">
        <SelectField
          name="client"
          label="Client"
          values={PREFERRED_CLIENTS}
          chosen={form.client}
        />
        {domains.length > 1 && (
          <SelectField
            name="domain"
            label="Domain in names of images"
            values={domains}
            chosen={form.domain}
          />
        )}
      </div>
    </Panel>
  );
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
