/** Tests that words are found where they are wrong, and nowhere else. */

import assert from "node:assert/strict";
import { parse } from "./checkout.ts";
import {
  alwaysWrong,
  patternsOf,
  wordsInCode,
  wordsInPages,
  wordsInSource,
} from "./words.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const patterns = patternsOf(await Deno.readTextFile(`${ROOT}CONTRIBUTING.md`));

const fileOf = (text: string, isTest = false) => ({
  path: "lib/a.tsx",
  text,
  tree: parse("lib/a.tsx", text),
  isTest,
  isProduct: !isTest,
});

const wordsIn = (text: string) =>
  wordsInCode([fileOf(text)], patterns).map(({ word, line }) =>
    `${word} ${line}`
  );

const ALWAYS = alwaysWrong(
  await Deno.readTextFile(`${ROOT}CONTRIBUTING.md`),
  patterns,
);

const wordsInSourceOf = (text: string, isTest = false) =>
  wordsInSource([fileOf(text, isTest)], ALWAYS).map(({ word, line }) =>
    `${word} ${line}`
  );

Deno.test("the table of CONTRIBUTING.md gives the words", () => {
  for (const word of ["Use it so", "tells", "dear", "somebody", "the end"]) {
    assert.ok(patterns.has(word), word);
  }
  assert.ok(!patterns.has("not"));
});

Deno.test("strings, templates and the text of pages are searched", () => {
  assert.deepEqual(wordsIn(`const a = "It is dear.";`), ["dear 1"]);
  assert.deepEqual(wordsIn("const a = `x\n${b} try anew`;"), ["anew 2"]);
  assert.deepEqual(wordsIn("const a = <p>\nAsk somebody.</p>;"), [
    "somebody 2",
  ]);
  assert.deepEqual(wordsIn(`f("They are told so.");`), [
    "tells 1",
    "is told 1",
  ]);
});

Deno.test("comments, names, other words and the right use are not", () => {
  for (
    const text of [
      "// It is dear.\n/** Somebody. */",
      `import { dear } from "./dear.ts"; const anew = dear.tells;`,
      `const a: "tells" = "tells";`,
      `const a = "Until the end of the month; an endearing story";`,
    ]
  ) assert.deepEqual(wordsIn(text), [], text);
});

Deno.test("words that are always wrong are found in comments and names", () => {
  assert.deepEqual(
    wordsInSourceOf("const a = 1;\n\n/**\n * Waits for so\n * long.\n */"),
    ["for so long 3"],
  );
  assert.deepEqual(
    wordsInSourceOf("f(); // Whoever\n// is dear."),
    ["dear 1", "whoever 1"],
  );
  assert.deepEqual(wordsInSourceOf("const tryAnew = 1; use(tryAnew);"), [
    "anew 1",
  ]);
  assert.deepEqual(wordsInSourceOf(`test("it is told", () => {});`, true), [
    "is told 1",
  ]);
});

Deno.test("texts, other names and other words are no matter of comments", () => {
  const text = 'const a = "// anew"; const b = `/* dear */`; f(/somebody/);';
  assert.deepEqual(wordsInSourceOf(text), []);
  assert.deepEqual(wordsInSourceOf("// He tells us at the end."), []);
  assert.deepEqual(wordsInSourceOf(`test("it is told");`), []);
});

Deno.test("pages are searched outside of code and of the table itself", async () => {
  const root = await Deno.makeTempDir({ prefix: "atcr-words-" });
  try {
    await Deno.mkdir(`${root}/docs`);
    for (const name of ["README", "CHANGELOG", "SECURITY"]) {
      await Deno.writeTextFile(`${root}/${name}.md`, "Fine.\n");
    }
    const words = "# Hints\n\n## Words\n\n| tells | returns |\n\n## More\n";
    await Deno.writeTextFile(`${root}/CONTRIBUTING.md`, words);
    const page =
      "It `tells` [a](tells.md).\n\n```sh\ntells\n```\n\nIt tells.\n";
    await Deno.writeTextFile(`${root}/docs/a.md`, page);
    const found = await wordsInPages(root, patterns);
    assert.deepEqual(found.map(({ path, line }) => [path, line]), [
      ["docs/a.md", 7],
    ]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
