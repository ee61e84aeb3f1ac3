/**
 * Links that narrow a search, each with the number of repositories that it
 * leaves.
 *
 * @module
 */

import type { Facet, Facets } from "../../../lib/index/search/facets.ts";
import { kindName } from "../parts/artifact.ts";
import { countText } from "../parts/format.tsx";
import { searchUrl } from "../urls.ts";
import type { SearchFields } from "./search_query.ts";

/** The most frequent are shown. */
const MAX_LINKS = 8;

/** Links for kinds and platforms; `fields` are those of the search. Nothing where there is no choice. */
export function FacetLinks(
  { facets, fields }: { facets: Facets; fields: SearchFields },
) {
  const { kinds, platforms, isCut } = facets;
  const same = { fields, isCut };
  return (
    <>
      <Links
        {...same}
        field="kind"
        label="Kinds"
        facets={kinds}
        nameOf={kindName}
      />
      <Links
        {...same}
        field="platform"
        label="Platforms"
        facets={platforms}
        nameOf={(platform) => platform}
      />
    </>
  );
}

function Links<T extends string>(
  { field, label, facets, nameOf, fields, isCut }: {
    field: "kind" | "platform";
    label: string;
    facets: readonly Facet<T>[];
    nameOf: (value: T) => string;
    fields: SearchFields;
    isCut: boolean;
  },
) {
  const chosen = fields[field];
  const shown = facets.filter(({ value }, i) =>
    i < MAX_LINKS || value === chosen
  );
  if (shown.length < 2 && chosen === undefined) return null;
  return (
    <nav class="facets" aria-label={label}>
      <span class="small soft" aria-hidden="true">{label}</span>
      <ul class="plain chips">
        {shown.map(({ value, count }) => (
          <li key={value}>
            <a
              class="chip"
              href={searchUrl({
                ...fields,
                [field]: value === chosen ? undefined : value,
              })}
              {...(value === chosen ? { "aria-current": "true" } : {})}
            >
              {nameOf(value)} <b>{countText(count)}{isCut && "+"}</b>
              <span class="hidden">
                {" "}
                {value === chosen ? "repositories, show all" : "repositories"}
              </span>
              {value === chosen && <span aria-hidden="true">×</span>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
