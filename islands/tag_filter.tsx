/**
 * Narrows the tags on the page while one types. The form around the field asks
 * the server, which looks at all tags.
 *
 * @module
 */
/// <reference lib="dom" />

import { useState } from "preact/hooks";

/** The field. Rows of tags have an attribute `data-tag`. */
export function TagFilter({ query }: { query: string }) {
  const [said, say] = useState("");
  return (
    <>
      <input
        type="search"
        id="filter"
        name="q"
        defaultValue={query}
        maxLength={128}
        placeholder="Filter tags"
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => say(narrow(event.currentTarget.value))}
      />
      <span class="hidden" role="status">{said}</span>
    </>
  );
}

/** Hides the rows that do not fit, and says how many are left. */
function narrow(query: string): string {
  const wanted = query.trim().toLowerCase();
  const rows = document.querySelectorAll<HTMLElement>("[data-tag]");
  let left = 0;
  for (const row of rows) {
    const fits = (row.dataset.tag ?? "").toLowerCase().includes(wanted);
    row.hidden = !fits;
    if (fits) left++;
  }
  return `${left} of ${rows.length} tags on this page. Press Enter to look at all.`;
}
