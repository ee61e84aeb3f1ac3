/**
 * Which exported values the program uses, and which only its tests do.
 *
 * @module
 */

import ts from "typescript";
import { nodesOf, resolveImport, type SourceFile } from "./checkout.ts";

/** An exported function, class or constant. */
export interface Export {
  readonly path: string;
  readonly name: string;
  /** Has a documentation comment. */
  readonly isDocumented: boolean;
}

/** What is exported from the program's files, types included where `withTypes`. */
export function exportsOf(
  files: readonly SourceFile[],
  withTypes = false,
): Export[] {
  const found = files.filter(({ isProduct }) => isProduct).flatMap((file) =>
    file.tree.statements.flatMap((statement) =>
      isExported(statement)
        ? declared(statement, withTypes).map((name) => ({
          path: file.path,
          name,
          isDocumented: ts.getJSDocCommentsAndTags(statement).length > 0,
        }))
        : []
    )
  );
  // The first signature of an overloaded function stands for all of them.
  const names = new Set<string>();
  return found.filter(({ path, name }) => {
    const isFirst = !names.has(`${path} ${name}`);
    names.add(`${path} ${name}`);
    return isFirst;
  });
}

/** Exported values that no other file of the program or of the documentation imports. */
export function unusedExports(files: readonly SourceFile[]): Export[] {
  const used = uses(files.filter(({ isTest }) => !isTest));
  return exportsOf(files).filter((one) => !isUsed(used, one));
}

/** Those of {@linkcode unusedExports} that a test imports. */
export function testedExports(files: readonly SourceFile[]): Export[] {
  const used = uses(files.filter(({ isTest }) => isTest));
  return unusedExports(files).filter((one) => isUsed(used, one));
}

function isUsed(used: ReadonlySet<string>, { path, name }: Export): boolean {
  return used.has(`${path} ${name}`) || used.has(`${path} *`);
}

/** `path name` of everything that the files import; `path *` for a whole module. */
function uses(files: readonly SourceFile[]): Set<string> {
  const used = new Set<string>();
  for (const { path: from, tree } of files) {
    const note = (target: ts.Node | undefined, names: readonly string[]) => {
      if (!target || !ts.isStringLiteral(target)) return;
      const path = resolveImport(from, target.text);
      for (const name of names) used.add(`${path} ${name}`);
    };
    for (const node of nodesOf(tree)) {
      if (ts.isImportDeclaration(node)) {
        note(node.moduleSpecifier, importedNames(node));
      } else if (ts.isExportDeclaration(node)) {
        note(node.moduleSpecifier, ["*"]);
      } else if (
        ts.isCallExpression(node) &&
        node.expression.kind === ts.SyntaxKind.ImportKeyword
      ) {
        note(node.arguments[0], laterNames(node));
      }
    }
  }
  return used;
}

function importedNames(node: ts.ImportDeclaration): string[] {
  const bindings = node.importClause?.namedBindings;
  if (node.importClause?.name) return ["*"];
  if (!bindings) return [];
  return ts.isNamedImports(bindings)
    ? bindings.elements.map(({ name, propertyName }) =>
      (propertyName ?? name).text
    )
    : ["*"];
}

/** Names taken from `await import(…)`: by a pattern or a member; else all. */
function laterNames(call: ts.CallExpression): string[] {
  let { parent }: { parent: ts.Node } = call;
  while (ts.isAwaitExpression(parent) || ts.isParenthesizedExpression(parent)) {
    ({ parent } = parent);
  }
  if (ts.isPropertyAccessExpression(parent)) return [parent.name.text];
  if (
    ts.isVariableDeclaration(parent) && ts.isObjectBindingPattern(parent.name)
  ) {
    return parent.name.elements.map(({ name, propertyName }) =>
      (propertyName ?? name).getText()
    );
  }
  return ["*"];
}

function isExported(statement: ts.Statement): boolean {
  return ts.canHaveModifiers(statement) &&
    (ts.getModifiers(statement) ?? []).some(({ kind }) =>
      kind === ts.SyntaxKind.ExportKeyword
    );
}

function declared(statement: ts.Statement, withTypes: boolean): string[] {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) =>
      name.getText()
    );
  }
  const isValue = ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) || ts.isEnumDeclaration(statement);
  const isType = ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement);
  if (!(isValue || withTypes && isType)) return [];
  return [statement.name?.text ?? "default"];
}
