/**
 * The source files of a checkout, with their syntax trees.
 *
 * @module
 */

import { dirname, join, normalize } from "node:path";
import ts from "typescript";

/** Folders with code, besides `main.ts`. */
const PRODUCT = ["lib", "routes", "islands", "cli", "sandbox", "lexicons"];
const OTHERS = ["docs", "tests"];

/** Compiled by another compiler, or of other authors. */
const FOREIGN =
  /(^|\/)node_modules\/|^lib\/avatar\/kernel\/assembly\/|^sandbox\/shims\/|^tests\/sync\/consumer\/|\.d\.ts$/;

/** How generated files name themselves in their first comment. */
const GENERATED = /\b(generated|written) by\b.*\bdo not edit\b/is;

/** A file of a checkout. */
export interface SourceFile {
  /** Relative to the checkout. */
  readonly path: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly isTest: boolean;
  /** Belongs to the program, not to its tests or its documentation. */
  readonly isProduct: boolean;
}

/** Reads every source file of the checkout at `root`, except generated ones. */
export async function checkout(root: string): Promise<SourceFile[]> {
  const paths: string[] = ["main.ts"];
  for (const folder of [...PRODUCT, ...OTHERS]) {
    for await (const path of walk(root, folder)) paths.push(path);
  }
  const files = await Promise.all(paths.map((path) => read(root, path)));
  return files.filter(({ text }) => !isGenerated(text));
}

/** Parses a file; `path` decides whether it may hold JSX. */
export function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
}

/** Every node of a tree, parents first. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}

/** The path inside the checkout that a relative import of `from` leads to. */
export function resolveImport(from: string, target: string): string {
  return normalize(join(dirname(from), target));
}

function childrenOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  return children;
}

async function* walk(root: string, folder: string): AsyncGenerator<string> {
  const entries = Deno.readDir(join(root, folder));
  try {
    for await (const entry of entries) {
      const path = `${folder}/${entry.name}`;
      if (FOREIGN.test(entry.isDirectory ? `${path}/` : path)) continue;
      if (entry.isDirectory) yield* walk(root, path);
      else if (/\.(tsx?|js)$/.test(entry.name)) yield path;
    }
  } catch (error) {
    // An older checkout may lack a folder.
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function read(root: string, path: string): Promise<SourceFile> {
  const text = await Deno.readTextFile(join(root, path));
  const isTest = /(_test|\/testing\w*)\.tsx?$|^tests\//.test(path);
  return {
    path,
    text,
    tree: parse(path, text),
    isTest,
    isProduct: !isTest && !path.startsWith("docs/"),
  };
}

function isGenerated(text: string): boolean {
  return GENERATED.test(text.slice(0, 1000));
}
