/**
 * What an image says about itself, beside its repository.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import type { Notes } from "./notes.ts";

/** Licence, source and the like. */
export function NoteFacts({ notes }: { notes: Notes }) {
  const { licenses, version, source, url, documentation, hold } = notes;
  const links = [
    ["Source", source],
    ["Website", url],
    ["Documentation", documentation],
  ] as const;
  return (
    <>
      {version && <Fact name="Version">{version}</Fact>}
      {licenses && <Fact name="Licence">{licenses}</Fact>}
      {links.map(([name, href]) =>
        href && (
          <Fact name={name} key={name}>
            <a href={href} rel="nofollow ugc noopener">
              {href.replace(/^https:\/\//, "")}
            </a>
          </Fact>
        )
      )}
      {hold && <Fact name="Layers lie in">{hold}</Fact>}
    </>
  );
}

/** A name with what it is. */
export function Fact(
  { name, children }: { name: string; children: ComponentChildren },
) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
