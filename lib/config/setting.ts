/**
 * Settings and sections of the configuration schema, with their documentation.
 *
 * @module
 */

import { z } from "zod";
import type { Kind } from "./kinds.ts";

/** Documentation of a setting. */
export interface SettingAbout {
  /** What it does. */
  readonly doc: string;
  /** The value when it is not given and has no fixed default. */
  readonly otherwise?: string;
  /** Never displayed. */
  readonly secret?: boolean;
}

/** A setting, for renderers and error messages. */
export interface Leaf extends SettingAbout {
  /** Path in the YAML file, for example `server.base_url`. */
  readonly path: string;
  /** The environment variable, for example `ATCR_SERVER_BASE_URL`. */
  readonly env: string;
  /** Completes "expected …". */
  readonly allowed: string;
  /** The fixed default, if there is one. */
  readonly default: unknown;
}

type LeafAbout = Omit<Leaf, "path" | "env">;

type Shape = Readonly<Record<string, z.ZodType>>;

const leaves = new WeakMap<object, LeafAbout>();
const sections = new WeakMap<
  object,
  { readonly doc: string; readonly shape: Shape }
>();

/** Declares a setting with a fixed default. */
export function setting<T>(
  kind: Kind<T>,
  about: SettingAbout & { readonly default: NoInfer<T> },
): z.ZodDefault<z.ZodType<T>>;
/** Declares a setting that may be absent. */
export function setting<T>(
  kind: Kind<T>,
  about: SettingAbout,
): z.ZodOptional<z.ZodType<T>>;
export function setting<T>(
  kind: Kind<T>,
  about: SettingAbout & { readonly default?: T },
): z.ZodType {
  const schema = about.default === undefined
    ? kind.schema.optional()
    : kind.schema.default(about.default as z.core.util.NoUndefined<T>);
  leaves.set(schema, {
    default: undefined,
    ...about,
    allowed: kind.allowed,
  });
  return schema;
}

/** Declares a section; unknown keys are refused. */
export function section<S extends Shape>(doc: string, shape: S) {
  const schema = z.strictObject(shape).prefault({} as never);
  sections.set(schema, { doc, shape });
  return schema;
}

/** One entry of a section. */
export type Node =
  | { readonly leaf: Leaf }
  | {
    readonly section: {
      readonly path: string;
      readonly doc: string;
      readonly nodes: readonly Node[];
    };
  };

/** The entries of a section created by {@linkcode section}, in the order of declaration. */
export function nodesOf(schema: object, path = ""): Node[] {
  const shape: Shape = sections.get(schema)?.shape ?? {};
  return Object.entries(shape).map(([name, child]): Node => {
    const childPath = path === "" ? name : `${path}.${name}`;
    const about = leaves.get(child);
    if (about !== undefined) {
      return { leaf: { ...about, path: childPath, env: envName(childPath) } };
    }
    const doc = sections.get(child)?.doc ?? "";
    const nodes = nodesOf(child, childPath);
    return { section: { path: childPath, doc, nodes } };
  });
}

/** All settings below `nodes`, in order. */
export function leavesOf(nodes: readonly Node[]): Leaf[] {
  return nodes.flatMap((node) =>
    "leaf" in node ? [node.leaf] : leavesOf(node.section.nodes)
  );
}

/** The environment variable of a setting. */
function envName(path: string): string {
  return `ATCR_${path.toUpperCase().replaceAll(".", "_")}`;
}
