/**
 * Islands: parts of a page that a script makes live in the browser. They are
 * rendered here as well, so that pages are complete without scripts.
 *
 * @module
 */

import { type ComponentType, createContext, h } from "preact";
import { useContext } from "preact/hooks";
import type { IslandModules } from "../../../lib/install/island_modules.ts";

/** Collects the names of the islands that a page has. */
export const UsedIslands = createContext(new Set<string>());

/** Props of {@linkcode Island}. */
export interface IslandProps<P> {
  /** Name of its file in `islands/`. */
  readonly name: string;
  readonly of: ComponentType<P>;
  /** What the component gets here and in the browser: plain JSON. */
  readonly props: P;
}

/** Renders a component and marks it for the browser. */
export function Island<P extends object>(
  { name, of: component, props }: IslandProps<P>,
) {
  useContext(UsedIslands).add(name);
  return h(
    "f-island",
    { "data-name": name, "data-props": JSON.stringify(props) },
    h(component, props),
  );
}

/** Addresses of the modules that a page with the islands `used` loads, the one to start first. */
export function modulesFor(
  used: ReadonlySet<string>,
  modules: IslandModules | undefined,
): string[] {
  if (used.size === 0 || !modules) return [];
  const { boot, islands, imports } = modules;
  const own = [boot, ...[...used].flatMap((name) => islands[name] ?? [])];
  const all = own.flatMap((file) => [file, ...imports[file] ?? []]);
  return [...new Set(all)].map((file) => `/static/build/${file}`);
}
