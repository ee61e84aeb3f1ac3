/** Tests that the counts of a checkout count what their names say. */

import assert from "node:assert/strict";
import { parse, type SourceFile } from "./checkout.ts";
import { countsOf } from "./counts.ts";
import { testedExports, unusedExports } from "./exports.ts";

function file(path: string, text: string): SourceFile {
  const isTest = path.endsWith("_test.ts");
  return { path, text, tree: parse(path, text), isTest, isProduct: !isTest };
}

const names = (exports: readonly { readonly name: string }[]) =>
  exports.map(({ name }) => name);

Deno.test("an export is used when another file of the program imports it", () => {
  const files = [
    file(
      "lib/a.ts",
      "export function used() { mine(); }\nexport function mine() {}\nexport const tested = 1, later = 2;\nexport class Whole {}",
    ),
    file(
      "lib/b.ts",
      `import { used as other } from "./a.ts";\nconst { later } = await import("./a.ts");\nother(later);`,
    ),
    file("lib/a_test.ts", `import { tested, used } from "./a.ts";`),
  ];
  assert.deepEqual(names(unusedExports(files)), ["mine", "tested", "Whole"]);
  assert.deepEqual(names(testedExports(files)), ["tested"]);
  const star = file("lib/c.ts", `import * as all from "./a.ts";`);
  assert.deepEqual(names(unusedExports([...files, star])), []);
});

Deno.test("comments, long functions and missing documentation are counted", () => {
  const text = [
    "/**",
    " * A module.",
    " */",
    "",
    "// One line.",
    "const text = `",
    "// not a comment",
    "/* nor this */",
    "`; // beside code",
    "/** Documented. */",
    "export function long(a: 1, b: 2, c: 3, d: 4, e: 5, f: 6) {",
    ...Array.from({ length: 70 }, () => "  void text;"),
    "}",
    "export interface Bare {}",
    "",
  ].join("\n");
  const { numbers } = countsOf([file("lib/a.ts", text)]);
  assert.equal(numbers["production: lines"], 83);
  assert.equal(numbers["production: longest"], 83);
  // 5 of 82 lines that are not blank.
  assert.equal(numbers["production: comments, %"], 6.1);
  assert.equal(numbers["functions over 60 lines"], 1);
  assert.equal(numbers["functions with over 5 parameters"], 1);
  assert.equal(numbers["exports without documentation"], 1);
});

Deno.test("full folders and repeated file names are counted for the program alone", () => {
  const many = Array.from(
    { length: 21 },
    (_, index) => file(`lib/many/f${index}.ts`, "\n"),
  );
  const same = [file("lib/x/rows.ts", "\n"), file("lib/y/rows.ts", "\n")];
  const tests = many.map(({ path }) =>
    file(path.replace("many", "few").replace(".ts", "_test.ts"), "\n")
  );
  const { numbers, lists } = countsOf([...many, ...same, ...tests]);
  assert.equal(numbers["folders with over 20 files"], 1);
  assert.deepEqual(lists["full folders"], ["lib/many: 21"]);
  assert.deepEqual(lists["file names used more than once"], ["rows.ts: 2"]);
});
