/**
 * Writes `lexicons/generated.ts`: the documents that the program validates
 * with, and the types of everything they define.
 *
 *   deno task lexicons            write it
 *   deno task lexicons --check    report whether it is out of date; exit code 1
 *
 * @module
 */

import { schemas } from "@atproto/api";
import { type LexiconDoc, parseLexiconDoc } from "@atproto/lexicon";
import { formatted } from "./format.ts";
import { methodOf, TypeWriter } from "./lexicon_types.ts";

const ROOT = new URL("../", import.meta.url);
const FILE = new URL("lexicons/generated.ts", ROOT);

const HEAD = `/**
 * Written by \`deno task lexicons\` from the documents beside it; do not edit.
 *
 * @module
 */
`;

const BASICS = `
/** An object with any members. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

/** An object without members. */
export type Empty = Readonly<Record<never, never>>;

/** A body that is not JSON. */
export type Bytes = "bytes";

/** A union member that is not in the document. */
export interface Other extends JsonObject {
  readonly $type: string;
}

/** A blob in JSON form. */
export interface BlobRef {
  $type: "blob";
  ref: { $link: string };
  mimeType: string;
  /** Bytes. */
  size: number;
}
`;

/** Whether the generated file is out of date. */
export async function isOutdated(): Promise<boolean> {
  return await render() !== await Deno.readTextFile(FILE).catch(() => "");
}

async function render(): Promise<string> {
  const paths = (await pathsOf("lexicons", ".json")).sort();
  const own = await Promise.all(
    paths.map(async (path) =>
      parseLexiconDoc(
        JSON.parse(await Deno.readTextFile(new URL(path, ROOT))),
      )
    ),
  );
  const network = schemas.map(published);
  const served = await servedOf(network);
  const imports = paths.map((path, i) =>
    `import d${i} from "./${
      path.slice("lexicons/".length)
    }" with { type: "json" };`
  );
  const types = new TypeWriter([...network, ...own]).write([...own, ...served]);
  return await formatted(
    [
      HEAD,
      'import type { LexiconDoc } from "@atproto/lexicon";',
      imports.join("\n"),
      BASICS,
      types,
      "/** The documents of this project, as they are. */",
      `export const LEXICON_DOCUMENTS: readonly unknown[] = [${
        paths.map((_, i) => `d${i}`)
      }];`,
      "",
      "/**",
      " * Of documents of the network, parameters and input of the methods that",
      " * this program serves.",
      " */",
      `export const NETWORK_DOCUMENTS: readonly LexiconDoc[] = ${
        JSON.stringify(served.map(inputsOnly))
      };`,
    ].join("\n"),
    "ts",
  );
}

/** A document of the package, which makes references absolute on loading. */
function published(document: LexiconDoc): LexiconDoc {
  const text = JSON.stringify(document)
    .replaceAll(`"lex:${document.id}#`, '"#').replaceAll('"lex:', '"');
  return parseLexiconDoc(JSON.parse(text));
}

/**
 * The documents of the network's methods that have a file in `routes/xrpc`:
 * `com.atproto.sync/get_repo.ts` serves `com.atproto.sync.getRepo`.
 */
async function servedOf(network: readonly LexiconDoc[]): Promise<LexiconDoc[]> {
  const files = new Set(await pathsOf("routes/xrpc", ".ts"));
  return network.filter((document) =>
    methodOf(document) !== undefined && files.has(handlerPath(document.id))
  ).sort((a, b) => a.id < b.id ? -1 : 1);
}

/** Path of the file that serves a method. */
export function handlerPath(nsid: string): string {
  const cut = nsid.lastIndexOf(".");
  const name = nsid.slice(cut + 1).replace(
    /[A-Z]/g,
    (letter) => `_${letter.toLowerCase()}`,
  );
  return `routes/xrpc/${nsid.slice(0, cut)}/${name}.ts`;
}

/** A document without the parts that only outputs need. */
function inputsOnly(document: LexiconDoc): LexiconDoc {
  const { lexicon, id, defs } = document;
  const method = methodOf(document);
  if (!method) return document;
  const { type, parameters, errors } = method;
  const input = method.type === "procedure" ? method.input : undefined;
  const used = new Set<string>();
  const visit = (value: unknown): void => {
    for (const text of JSON.stringify(value ?? {}).matchAll(/"#(\w+)"/g)) {
      const [, name = ""] = text;
      if (used.has(name)) continue;
      used.add(name);
      visit(defs[name]);
    }
  };
  visit(input);
  const inner = Object.fromEntries(
    [...used].map((name) => [name, defs[name]]),
  );
  return parseLexiconDoc({
    lexicon,
    id,
    defs: {
      main: {
        type,
        parameters,
        input,
        ...(type === "subscription"
          ? { message: { schema: { type: "union", refs: [] } } }
          : {}),
        errors,
      },
      ...inner,
    },
  });
}

/** Paths from the root of all files below a folder. */
async function pathsOf(folder: string, ending: string): Promise<string[]> {
  const found: string[] = [];
  for await (
    const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))
  ) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await pathsOf(path, ending));
    else if (name.endsWith(ending)) found.push(path);
  }
  return found;
}

if (import.meta.main) {
  const isCheck = Deno.args.includes("--check");
  const stale = await isOutdated();
  if (stale && !isCheck) await Deno.writeTextFile(FILE, await render());
  const words = isCheck ? "is out of date; run: deno task lexicons" : "written";
  if (stale) {
    const line = `lexicons/generated.ts ${words}\n`;
    await Deno.stdout.write(new TextEncoder().encode(line));
  }
  if (stale && isCheck) Deno.exit(1);
}
