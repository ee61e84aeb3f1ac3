/**
 * The host in names of images: a registry may have several, of which visitors
 * choose one.
 *
 * @module
 */

import type { Visitor } from "./document.tsx";

/** The host in commands that a visitor is shown. */
export type HostOf = (visitor: Pick<Visitor, "frame">) => string;

/** What a visitor has chosen of `domains`, else the first of them, else `host`. */
export function hostOf(domains: readonly string[], host: string): HostOf {
  return ({ frame: { domain } }) =>
    domains.find((one) => one === domain) ?? domains[0] ?? host;
}
