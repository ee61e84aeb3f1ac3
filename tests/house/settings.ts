/**
 * Which settings the program reads: members of a section of the configuration,
 * by `config.section.name`, by a pattern, or through a variable that stands for
 * the section.
 *
 * @module
 */

import ts from "typescript";
import { nodesOf, type SourceFile } from "./checkout.ts";

/** Settings, by path such as `server.base_url`, that no file of the program reads. */
export function unreadSettings(
  paths: readonly string[],
  files: readonly SourceFile[],
): string[] {
  const product = files.filter(({ isProduct }) => isProduct);
  const outside = product.filter(({ path }) => !path.startsWith("lib/config/"));
  // Only what is derived from a setting is read elsewhere.
  const deriving = product.filter(({ path }) =>
    path.startsWith("lib/config/derive")
  );
  const read = membersRead([...outside, ...deriving]);
  const handedOn = membersRead(outside);
  return paths.filter((path) => {
    const [section = "", name = ""] = `config.${path}`.split(".").slice(-2);
    // A caller may hand a section on as `settings`.
    return !read.has(`${section}.${name}`) && !handedOn.has(`settings.${name}`);
  });
}

/** `section.name` of every member that the files read; the section is the innermost. */
function membersRead(files: readonly SourceFile[]): Set<string> {
  const read = new Set<string>();
  for (const { tree } of files) {
    const nodes = [...nodesOf(tree)];
    const sections = sectionsOf(nodes);
    const sectionOf = (name: string | undefined) =>
      name === undefined ? undefined : sections.get(name) ?? name;
    for (const node of nodes) {
      if (ts.isPropertyAccessExpression(node)) {
        read.add(`${sectionOf(lastName(node.expression))}.${node.name.text}`);
      } else if (ts.isBindingElement(node)) {
        const name = keyOf(node);
        const section = sectionOf(ownerOf(node.parent));
        if (name !== undefined) read.add(`${section}.${name}`);
      }
    }
  }
  return read;
}

/** Variables and parameters that stand for a section, by name. */
function sectionsOf(nodes: readonly ts.Node[]): Map<string, string> {
  const sections = new Map<string, string>();
  for (const node of nodes) {
    if (!ts.isVariableDeclaration(node) && !ts.isParameter(node)) continue;
    if (!ts.isIdentifier(node.name)) continue;
    const section = typeName(node.type) ??
      (node.initializer && lastName(node.initializer));
    if (section !== undefined) sections.set(node.name.text, section);
  }
  return sections;
}

/** What the values of a pattern are taken from. */
function ownerOf(pattern: ts.BindingPattern): string | undefined {
  const { parent } = pattern;
  if (ts.isBindingElement(parent)) return keyOf(parent);
  return typeName(parent.type) ??
    (parent.initializer && lastName(parent.initializer));
}

function keyOf(element: ts.BindingElement): string | undefined {
  const key = element.propertyName ?? element.name;
  return ts.isIdentifier(key) ? key.text : undefined;
}

/** The last name of `a.b.c`. */
function lastName(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isNonNullExpression(node) || ts.isParenthesizedExpression(node)) {
    return lastName(node.expression);
  }
  return undefined;
}

/** The section of a type `Config["a"]["b"]`. */
function typeName(node: ts.TypeNode | undefined): string | undefined {
  return node && ts.isIndexedAccessTypeNode(node) &&
      ts.isLiteralTypeNode(node.indexType) &&
      ts.isStringLiteral(node.indexType.literal)
    ? node.indexType.literal.text
    : undefined;
}
