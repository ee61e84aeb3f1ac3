/**
 * Words that CONTRIBUTING.md advises against: those of its table in texts of the
 * program and in pages of the documentation, some of them also in comments,
 * identifiers and names of tests.
 *
 * @module
 */

import { join } from "node:path";
import ts from "typescript";
import { nodesOf, type SourceFile } from "./checkout.ts";

/** A place that uses such a word. */
export interface WordFound {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly word: string;
  /** What stands around it. */
  readonly context: string;
}

/** Entries of the table whose forms differ, or that have a right use too. */
const FORMS: Readonly<Record<string, RegExp>> = {
  "tells": /\btell(s|ing)?\b|\btold\b/gi,
  "is told": /\b(is|are|was|were|be|been|being) told\b/gi,
  "What X needs.": /\bWhat \S+ needs\./g,
  "the end": /\bthe end\b(?! (of|for|in)\b)/gi,
  "notices": /\bnotices\b/g,
  "tries once more": /\btr(y|ies|ied) once more\b/gi,
  "mends": /\bmend(s|ed|ing)?\b/gi,
};

/** Pages that users read, besides those of `docs/`. */
const PAGES = ["README.md", "CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md"];

/** Patterns of the left column of the table in `contributing`, by entry. */
export function patternsOf(contributing: string): Map<string, RegExp> {
  const [, table = ""] = /\n## Words\n([\s\S]*?)(?=\n## |$)/
    .exec(contributing) ?? [];
  const cells = [...table.matchAll(/^\| ([^|]+?) *\|/gm)].map(([, cell = ""]) =>
    cell
  ).filter((cell) => cell !== "not" && !/^-+$/.test(cell));
  const entries = cells.flatMap((cell) => cell.split(", "))
    .map((entry) => entry.replace(/[ :]*…$/, ""));
  return new Map(entries.map((entry) => [
    entry,
    FORMS[entry] ?? new RegExp(`\\b${RegExp.escape(entry)}\\b`, "gi"),
  ]));
}

/** Those of `patterns` that are wrong in comments and names as well. */
export function alwaysWrong(
  contributing: string,
  patterns: ReadonlyMap<string, RegExp>,
): Map<string, RegExp> {
  const [, sentence = ""] = /\nAlways wrong,([\s\S]*?)\n\n/
    .exec(contributing) ?? [];
  const entries = new Set(sentence.match(/(?<=`)[^`,]+(?=`)/g));
  return new Map([...patterns].filter(([entry]) => entries.has(entry)));
}

/** Offences in comments, in identifiers and in names of tests. */
export function wordsInSource(
  files: readonly SourceFile[],
  patterns: ReadonlyMap<string, RegExp>,
): WordFound[] {
  return files.flatMap((file) =>
    [...commentsOf(file), ...namesOf(file)].flatMap(([position, text]) => {
      const { line } = file.tree.getLineAndCharacterOfPosition(position);
      return found(file.path, text, patterns, line);
    })
  );
}

/** Offences in the texts of the program: strings, templates and JSX, not comments. */
export function wordsInCode(
  files: readonly SourceFile[],
  patterns: ReadonlyMap<string, RegExp>,
): WordFound[] {
  return files.filter(({ isProduct }) => isProduct).flatMap((file) =>
    [...nodesOf(file.tree)].flatMap((node) => {
      if (!isText(node)) return [];
      const start = node.getStart(file.tree);
      const { line } = file.tree.getLineAndCharacterOfPosition(start);
      return found(file.path, node.getText(file.tree), patterns, line);
    })
  );
}

/** Offences in the pages of the checkout at `root`, outside of code. */
export async function wordsInPages(
  root: string,
  patterns: ReadonlyMap<string, RegExp>,
): Promise<WordFound[]> {
  const paths = [...PAGES];
  for await (const { name } of Deno.readDir(join(root, "docs"))) {
    if (name.endsWith(".md")) paths.push(`docs/${name}`);
  }
  const all = await Promise.all(
    paths.sort().map(async (path) => {
      const text = await Deno.readTextFile(join(root, path));
      return found(path, prose(text), patterns, 0);
    }),
  );
  return all.flat();
}

/** Markdown without code, links, and the table of words itself; lines stay where they are. */
function prose(markdown: string): string {
  const blank = (text: string) => text.replaceAll(/[^\n]/g, " ");
  return markdown
    .replaceAll(/^```[\s\S]*?^```/gm, blank)
    .replaceAll(/`[^`\n]*`/g, blank)
    .replaceAll(/\]\([^)]*\)/g, blank)
    .replace(/\n## Words\n[\s\S]*?(?=\n## |$)/, blank);
}

/** Comments on one line each, without their marks. */
function commentsOf({ text, tree }: SourceFile): [number, string][] {
  let code = text;
  for (const node of nodesOf(tree)) {
    if (
      !ts.isStringLiteral(node) && !ts.isTemplateLiteralToken(node) &&
      !ts.isJsxText(node) && !ts.isRegularExpressionLiteral(node)
    ) continue;
    const [start, end] = [node.getStart(tree), node.getEnd()];
    code = code.slice(0, start) + " ".repeat(end - start) + code.slice(end);
  }
  return [...code.matchAll(/(\/\/[^\n]*(\n\s*|$))+|\/\*[\s\S]*?\*\//g)].map((
    { index, 0: comment },
  ) => {
    const bare = comment.replaceAll(/^\s*(\/\*+|\*(?!\/)|\/\/)|\*\/$/gm, " ");
    return [index, bare.replaceAll(/\s+/g, " ")];
  });
}

/** Declared identifiers in words, and the sentences that name tests. */
function namesOf({ tree, isTest }: SourceFile): [number, string][] {
  return [...nodesOf(tree)].flatMap((node): [number, string][] => {
    const at = node.getStart(tree);
    if (ts.isIdentifier(node) && "name" in node.parent) {
      const words = node.text.replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");
      return node.parent.name === node ? [[at, words]] : [];
    }
    if (!isTest || !ts.isCallExpression(node)) return [];
    const [name] = node.arguments;
    return /(test|step)$/i.test(node.expression.getText(tree)) && name &&
        (ts.isStringLiteral(name) || ts.isTemplateLiteral(name))
      ? [[at, name.getText(tree)]]
      : [];
  });
}

function isText(node: ts.Node): boolean {
  if (ts.isTemplateLiteralToken(node) || ts.isJsxText(node)) return true;
  if (!ts.isStringLiteral(node)) return false;
  const { parent } = node;
  return !ts.isImportDeclaration(parent) && !ts.isLiteralTypeNode(parent) &&
    // Names of things in the program, not sentences.
    /\s/.test(node.text);
}

function found(
  path: string,
  text: string,
  patterns: ReadonlyMap<string, RegExp>,
  firstLine: number,
): WordFound[] {
  return [...patterns].flatMap(([word, pattern]) =>
    [...text.matchAll(pattern)].map(({ index }) => ({
      path,
      line: firstLine + text.slice(0, index).split("\n").length,
      word,
      context: text.slice(Math.max(0, index - 40), index + 40)
        .replaceAll(/\s+/g, " "),
    }))
  );
}
