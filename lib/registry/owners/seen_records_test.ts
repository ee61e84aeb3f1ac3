import assert from "node:assert/strict";
import { SeenRecords } from "./seen_records.ts";

Deno.test("a whole list lacks every other key, in whatever order it was", () => {
  const seen = SeenRecords.begin(true);
  seen.add(["b", "z", "c"]);
  assert.ok(!seen.lacks("a"), "it may come");
  seen.end();
  for (const key of ["a", "y", "zz"]) assert.ok(seen.lacks(key), key);
  for (const key of ["b", "c", "z"]) assert.ok(!seen.lacks(key), key);
});

for (
  const [name, keys] of [
    ["ascending", ["b", "d", "f", "h"]],
    ["descending", ["h", "f", "d", "b"]],
  ] as const
) {
  Deno.test(`a part of an ${name} list lacks what would stand in it`, () => {
    const [k1, k2, k3, k4] = keys;
    const first = SeenRecords.begin(true);
    first.add([k1, k2]);
    const second = first.next();
    second.add([k3, k4]);
    second.end();
    const isUp = name === "ascending";
    const [before, low, middle, high, after] = isUp
      ? ["a", "c", "e", "g", "i"]
      : ["i", "g", "e", "c", "a"];
    const lacked = (seen: SeenRecords) =>
      [before, low, middle, high, after].filter((key) => seen.lacks(key ?? ""));
    assert.deepEqual(lacked(first), [before, low]);
    assert.deepEqual(lacked(second), [middle, high, after]);
    const resumed = SeenRecords.begin(false);
    resumed.add([k2, k3]);
    assert.deepEqual(lacked(resumed), [middle]);
  });
}

Deno.test("a part of a list without order lacks nothing", () => {
  const seen = SeenRecords.begin(true);
  seen.add(["b", "z", "c"]);
  const next = seen.next();
  next.add(["d", "e"]);
  next.end();
  for (const key of ["a", "bb", "y", "zz"]) {
    assert.ok(!seen.lacks(key) && !next.lacks(key), key);
  }
});

Deno.test("an empty collection lacks everything", () => {
  const seen = SeenRecords.begin(true);
  seen.end();
  assert.ok(seen.lacks("a"));
});
