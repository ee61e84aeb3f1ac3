/**
 * A section in a frame, with a heading.
 *
 * @module
 */

import type { ComponentChildren } from "preact";

/** The section; `id` is that of its heading and names it for screen readers. */
export function Panel(
  { id, title, level = 2, note, link, children }: {
    id: string;
    title: ComponentChildren;
    /** Of the heading. */
    level?: 2 | 3;
    /** Small text beside the heading. */
    note?: ComponentChildren;
    /** Stands beside the heading as it is. */
    link?: ComponentChildren;
    children: ComponentChildren;
  },
) {
  const Heading = `h${level}` as const;
  return (
    <section class="panel" aria-labelledby={id}>
      <header>
        <Heading id={id}>{title}</Heading>
        {note !== undefined && <span class="small soft">{note}</span>}
        {link}
      </header>
      {children}
    </section>
  );
}
