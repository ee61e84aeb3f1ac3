import assert from "node:assert/strict";
import { distance } from "fastest-levenshtein";
import { NameTable } from "./name_table.ts";

/** Numbers that look random, and are the same each time. */
function randomly(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

function madeUpNames(count: number): string[] {
  const below = randomly(1);
  const letters = "abcdefg-/._0";
  const name = () =>
    Array.from({ length: 1 + below(12) }, () => letters[below(12)]).join("");
  const names = Array.from({ length: count }, name)
    .filter((name) => name.split("/").every((part) => part !== ""));
  return [...new Set(names)].sort();
}

const NAMES = madeUpNames(3_000);
const table = new NameTable(NAMES);

const byLength = (a: string, b: string) =>
  a.length - b.length || (a < b ? -1 : 1);

Deno.test("names that contain a text are those that a scan finds, the shortest first", () => {
  for (const text of ["a", "ab", "cde", "/a", "-._", "zz", "", "a\nb"]) {
    const expected = text === ""
      ? []
      : NAMES.filter((name) => name.includes(text)).sort(byLength);
    assert.deepEqual(table.containing(text, 1e6), expected, text);
    assert.deepEqual(table.containing(text, 3), expected.slice(0, 3), text);
  }
});

Deno.test("names near a text are those that comparing all of them finds, the nearest first", () => {
  const below = randomly(2);
  for (let i = 0; i < 100; i++) {
    const text = `${NAMES[below(NAMES.length)]}${"xa"[i % 2]}`;
    const most = 1 + i % 2;
    const far = (name: string) =>
      Math.min(
        ...[name, ...name.split("/")].map((part) => distance(part, text))
          .map((edits) => edits === 0 ? Infinity : edits),
      );
    const expected = NAMES.map((name) => ({ name, edits: far(name) }))
      .filter(({ edits }) => edits <= most)
      .sort((a, b) => a.edits - b.edits || byLength(a.name, b.name))
      .map(({ name }) => name);
    assert.deepEqual(table.near(text, most, 1e6), expected, text);
  }
});

Deno.test("a table without names finds nothing", () => {
  const empty = new NameTable([]);
  assert.deepEqual(empty.containing("a", 10), []);
  assert.deepEqual(empty.near("abc", 2, 10), []);
});
