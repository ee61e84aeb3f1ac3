/**
 * The page on which an account gets its data, and has it deleted.
 *
 * @module
 */

import type { Did } from "../../../lib/did.ts";
import { CsrfField, type Visitor } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { CheckItem, ConfirmField } from "../parts/fields.tsx";
import { Panel } from "../parts/panel.tsx";
import type { HoldChoice } from "./registry_page.tsx";
import { settingsPage } from "./settings_page.tsx";

/** What stands in the form of the deletion. */
export interface DeletionForm {
  readonly registry: boolean;
  readonly holds: readonly string[];
  readonly name: string;
}

/** Content of the page. */
export interface DataPageProps {
  readonly visitor: Visitor;
  readonly csrf: string;
  /** Handle, or DID where there is none. */
  readonly name: string;
  readonly holds: readonly HoldChoice[];
  readonly form: DeletionForm;
  readonly problem: string | undefined;
  readonly done: string | undefined;
  /** What holds that refused have said, by DID. */
  readonly refused: ReadonlyMap<Did, string>;
}

/** Renders the page. */
export function dataPage(props: DataPageProps): string {
  const { visitor, csrf, problem, done, holds, refused } = props;
  return settingsPage({
    visitor,
    current: "data",
    title: "Your data",
    problem,
    done,
    children: (
      <>
        {[...refused].map(([hold, reason]) => (
          <p role="alert" key={hold}>
            {holds.find(({ did }) => did === hold)?.name ?? hold}: {reason}
          </p>
        ))}
        <p>
          Images, tags, stars and settings are records in your own repo: they
          are yours wherever it is. Here is what this registry and the holds
          keep about you, copies of these records included.
        </p>
        <Panel id="export" title="Export">
          <form class="body" method="post" action="/settings/data/export">
            <p>
              One JSON file: what is listed under{" "}
              <a href="/privacy">privacy</a>, without secrets, and what each
              hold has recorded about you.
            </p>
            <CsrfField token={csrf} />
            <button type="submit" class="button">Download it</button>
          </form>
        </Panel>
        <Deletion {...props} />
      </>
    ),
  });
}

function Deletion({ csrf, name, holds, form }: DataPageProps) {
  return (
    <Panel id="delete" title="Delete">
      <form class="body form" method="post" action="/settings/data/delete">
        <CsrfField token={csrf} />
        <p>
          This cannot be undone. Records in your repo stay: delete repositories
          on their pages.
        </p>
        <fieldset class="checks">
          <legend>Delete what is kept by</legend>
          <CheckItem name="registry" checked={form.registry}>
            this registry: sessions, devices, tokens, webhooks, pins, counts,
            activity and the index of your images, pages and stars. You are
            signed out everywhere at once; the rest follows within minutes. What
            is public in your repo is indexed again when it is used here.
          </CheckItem>
          {holds.map((hold) => (
            <CheckItem
              key={hold.did}
              name="hold"
              value={hold.did}
              checked={form.holds.includes(hold.did)}
            >
              the hold{" "}
              <b>
                <Breakable text={hold.name} />
              </b>: your membership, counts, posts that name you, and which
              layers are yours. Layers of your images are kept only as long as
              the hold finds the images in your repo.
            </CheckItem>
          ))}
        </fieldset>
        <ConfirmField what={name} value={form.name} />
        <p class="actions">
          <button type="submit" class="button danger">Delete it</button>
        </p>
      </form>
    </Panel>
  );
}
