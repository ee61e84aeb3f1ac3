/**
 * All lexicons, of the network and ours, and invalid values for them.
 *
 * @module
 */

import assert from "node:assert/strict";
import { schemas } from "@atproto/api";
import {
  type LexiconDoc,
  Lexicons,
  type LexUserType,
  parseLexiconDoc,
} from "@atproto/lexicon";

/** The lexicons of this project and of the network. */
async function lexiconDocuments(): Promise<LexiconDoc[]> {
  const own: LexiconDoc[] = [];
  const read = async (folder: URL): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const path = new URL(entry.name, folder);
      if (entry.isDirectory) await read(new URL(`${path}/`));
      else if (entry.name.endsWith(".json")) {
        own.push(parseLexiconDoc(JSON.parse(await Deno.readTextFile(path))));
      }
    }
  };
  await read(new URL("../../lexicons/", import.meta.url));
  return [...own, ...schemas.map((schema) => parseLexiconDoc(schema))];
}

const documents = await lexiconDocuments();

/** All of them, to validate messages. */
export const lexicons = new Lexicons(documents);

/** A method. */
export type Method = Extract<
  LexUserType,
  { type: "query" | "procedure" | "subscription" }
>;

/** Every method of every lexicon. */
export const methods = documents.flatMap(({ id, defs }): [string, Method][] => {
  const { main } = defs;
  return main?.type === "query" || main?.type === "procedure" ||
      main?.type === "subscription"
    ? [[id, main]]
    : [];
});

/** The method `nsid`, which must have a lexicon. */
export function methodOf(nsid: string): Method {
  const found = methods.find(([id]) => id === nsid);
  assert.ok(found, `${nsid} has no lexicon`);
  return found[1];
}

/** Values that are invalid for every property. */
const NO_VALUES = {
  string: [1, true, null, {}, ["x"]],
  integer: ["1", 1.5, true, null, {}],
  boolean: ["yes", 1, null],
  array: ["x", {}, null],
  object: ["x", 1, null],
} as const;

/** Schema of one property. */
export interface Property {
  readonly type: string;
  readonly format?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Invalid values for a property, by its lexicon. */
export function wrongValues(property: Property): unknown[] {
  const { type, format, maxLength, minimum, maximum } = property;
  const wrong: unknown[] = [];
  if (type in NO_VALUES) {
    wrong.push(...NO_VALUES[type as keyof typeof NO_VALUES]);
  }
  if (format !== undefined) wrong.push("", "no such thing", "x".repeat(3_000));
  if (maxLength !== undefined && type === "string") {
    wrong.push("x".repeat(maxLength + 1));
  }
  if (minimum !== undefined) wrong.push(minimum - 1);
  if (maximum !== undefined) wrong.push(maximum + 1);
  return wrong;
}
