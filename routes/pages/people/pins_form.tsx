/**
 * The form in which an account chooses what it shows first.
 *
 * @module
 */

import { CsrfField } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { NameField } from "../parts/fields.tsx";
import type { RepositoryItem } from "../parts/repository_list.tsx";
import { profileUrl } from "../urls.ts";

/** What was typed into the form, and why it was refused. */
export interface PinsTyped {
  readonly names: readonly string[];
  readonly another: string;
  readonly problem: string;
}

/** The form, folded unless something is wrong with what was sent. */
export function PinsForm(
  { name, csrf, pinned, items, typed }: {
    /** Handle of the account, or DID where there is none. */
    name: string;
    csrf: string;
    pinned: readonly RepositoryItem[];
    /** Repositories that can be chosen besides those. */
    items: readonly RepositoryItem[];
    typed: PinsTyped | undefined;
  },
) {
  const before = pinned.map(nameOf);
  const chosen = new Set(typed?.names ?? before);
  const names = new Set([...before, ...chosen, ...items.map(nameOf)]);
  return (
    <section class="panel" aria-labelledby="pins">
      <details class="folded" open={typed !== undefined}>
        <summary>
          <h2 id="pins">Choose what is pinned</h2>
        </summary>
        <form
          class="body form"
          method="post"
          action={`${profileUrl(name)}/pins`}
        >
          <CsrfField token={csrf} />
          {typed && <p class="notice bad" role="alert">{typed.problem}</p>}
          <fieldset class="checks">
            <legend>Up to six, in this order</legend>
            {[...names].map((one) => (
              <label key={one}>
                <input
                  type="checkbox"
                  name="repository"
                  value={one}
                  checked={chosen.has(one)}
                />{" "}
                <span class="mono">
                  <Breakable text={one} />
                </span>
              </label>
            ))}
          </fieldset>
          <NameField
            name="another"
            label="Another one, as owner/repository"
            value={typed?.another ?? ""}
          />
          <p>
            <button type="submit" class="button">Save</button>
          </p>
        </form>
      </details>
    </section>
  );
}

function nameOf({ owner, repo }: RepositoryItem): string {
  return `${owner}/${repo}`;
}
