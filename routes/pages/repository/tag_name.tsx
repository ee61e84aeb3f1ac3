/**
 * The name of a tag in a list, with the other tags of its image.
 *
 * @module
 */

import type { ListedTag } from "../../../lib/registry/browse/tag_list.ts";
import { Breakable } from "../parts/breakable.tsx";

/** Aliases that are shown; the rest is on the page of the image. */
const MAX_SHOWN = 3;

/** The name and its aliases. */
export function TagName(
  { entry, href, aliasHref }: {
    entry: ListedTag;
    href: string;
    aliasHref: (tag: string) => string;
  },
) {
  const { tag, aliases } = entry;
  // "and more" takes the place of the last.
  const shown = aliases.length > MAX_SHOWN
    ? aliases.slice(0, MAX_SHOWN - 1)
    : aliases;
  return (
    <span class="tag-name">
      <a href={href}>
        <b>
          <Breakable text={tag} />
        </b>
      </a>
      {shown.length > 0 && (
        <span class="chips">
          <span class="hidden">same image as</span>
          {shown.map((alias) => (
            <a
              class="chip long"
              key={alias}
              href={aliasHref(alias)}
              title={`${alias} is the same image`}
            >
              = <Breakable text={alias} />
            </a>
          ))}
          {aliases.length > shown.length && (
            <span class="small soft">and more</span>
          )}
        </span>
      )}
    </span>
  );
}
