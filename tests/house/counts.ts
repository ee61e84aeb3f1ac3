/**
 * Counts of a checkout: how many files, how long, how documented.
 *
 * @module
 */

import { basename, dirname } from "node:path";
import ts from "typescript";
import { nodesOf, type SourceFile } from "./checkout.ts";
import { exportsOf, testedExports, unusedExports } from "./exports.ts";

const LONG_FUNCTION_LINES = 60;
const MANY_PARAMETERS = 5;
const FULL_FOLDER_FILES = 20;

/** Parameters of a constructor, which its own members describe. */
const SPEAKS_FOR_ITSELF = /(Deps|Options)$/;

/** Rows of the report, by name, in order. Lists are for reading, not for comparing. */
export interface Counts {
  readonly numbers: Readonly<Record<string, number>>;
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

/** Counts the files of {@linkcode checkout}. */
export function countsOf(files: readonly SourceFile[]): Counts {
  const product = files.filter(({ isProduct }) => isProduct);
  const functions = product.flatMap(functionsOf);
  const long = functions.filter(({ lines }) => lines > LONG_FUNCTION_LINES);
  const wide = functions.filter(({ parameters }) =>
    parameters > MANY_PARAMETERS
  );
  const folders = counted(product.map(({ path }) => dirname(path)))
    .filter(([, count]) => count > FULL_FOLDER_FILES);
  const names = counted(product.map(({ path }) => basename(path)))
    .filter(([, count]) => count > 1);
  const exported = exportsOf(files, true);
  const bare = exported.filter(({ isDocumented, name }) =>
    !isDocumented && !SPEAKS_FOR_ITSELF.test(name)
  );
  const tested = testedExports(files);
  const unused = unusedExports(files);
  const ofTests = new Set(tested.map(where));
  const ofNobody = unused.filter((one) => !ofTests.has(where(one)));
  return {
    numbers: {
      ...sizes("production", product),
      ...sizes("tests", files.filter(({ isTest }) => isTest)),
      "functions": functions.length,
      [`functions over ${LONG_FUNCTION_LINES} lines`]: long.length,
      [`functions with over ${MANY_PARAMETERS} parameters`]: wide.length,
      [`folders with over ${FULL_FOLDER_FILES} files`]: folders.length,
      "file names used more than once": names.length,
      "exports": exported.length,
      "exports without documentation": bare.length,
      "exported values used only by tests": tested.length,
      "exported values used by nothing": ofNobody.length,
    },
    lists: {
      "longest files": product.map(({ path, text }) =>
        [path, linesOf(text)] as const
      ).sort(([, a], [, b]) => b - a).slice(0, 10).map(shown),
      "functions over the limit": [...long, ...wide].map((one) =>
        `${where(one)}: ${one.lines} lines, ${one.parameters} parameters`
      ),
      "full folders": folders.map(shown),
      "file names used more than once": names.map(shown),
      "without documentation": bare.map(where),
      "used only by tests": tested.map(where),
      "used by nothing": ofNobody.map(where),
    },
  };
}

function where({ path, name }: { path: string; name: string }): string {
  return `${path} ${name}`;
}

/** Lines as `wc -l` counts them. */
function linesOf(text: string): number {
  return text.split("\n").length - 1;
}

function sizes(
  kind: string,
  files: readonly SourceFile[],
): Record<string, number> {
  const lines = files.map(({ text }) => linesOf(text)).sort((a, b) => a - b);
  const total = lines.reduce((sum, count) => sum + count, 0);
  const at = (share: number) =>
    lines[Math.min(Math.floor(share * lines.length), lines.length - 1)] ?? 0;
  const written = files.map(({ text }) =>
    text.split("\n").filter((line) => line.trim() !== "").length
  ).reduce((sum, count) => sum + count, 0);
  const comments = files.map(commentLines)
    .reduce((sum, count) => sum + count, 0);
  return {
    [`${kind}: files`]: files.length,
    [`${kind}: lines`]: total,
    [`${kind}: median lines`]: at(0.5),
    [`${kind}: p90 lines`]: at(0.9),
    [`${kind}: longest`]: lines.at(-1) ?? 0,
    [`${kind}: comments, %`]: Math.round(1000 * comments / written) / 10,
  };
}

/** Lines that begin with a comment, or stand inside of one. */
function commentLines({ text, tree }: SourceFile): number {
  // Lines that begin inside of a text over several lines.
  const texts = new Set<number>();
  for (const node of nodesOf(tree)) {
    if (!ts.isTemplateLiteralToken(node) && !ts.isJsxText(node)) continue;
    const last = lineAt(tree, node.getEnd());
    for (let line = lineAt(tree, node.getStart(tree)); line < last; line++) {
      texts.add(line + 1);
    }
  }
  let isInside = false;
  return text.split("\n").filter((line, index) => {
    const bare = line.trim();
    if (bare === "" || texts.has(index)) return false;
    const isComment = isInside || /^\/[/*]/.test(bare);
    if (isInside || bare.startsWith("/*")) isInside = !bare.includes("*/");
    return isComment;
  }).length;
}

interface FunctionSize {
  readonly path: string;
  readonly name: string;
  readonly lines: number;
  readonly parameters: number;
}

function functionsOf({ path, tree }: SourceFile): FunctionSize[] {
  return [...nodesOf(tree)].flatMap((node) =>
    ts.isFunctionLike(node) && "body" in node && node.body
      ? [{
        path,
        name: nameOf(node),
        lines: lineAt(tree, node.getEnd()) -
          lineAt(tree, node.getStart(tree)) + 1,
        parameters: node.parameters.length,
      }]
      : []
  );
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name) return node.name.getText();
  if (ts.isConstructorDeclaration(node)) return "constructor";
  const { parent } = node;
  const named = ts.isVariableDeclaration(parent) ||
    ts.isPropertyAssignment(parent);
  return named ? parent.name.getText() : "(anonymous)";
}

function lineAt(tree: ts.SourceFile, position: number): number {
  return tree.getLineAndCharacterOfPosition(position).line;
}

/** How often each value occurs, most frequent first. */
function counted(values: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

function shown([what, count]: readonly [string, number]): string {
  return `${what}: ${count}`;
}
