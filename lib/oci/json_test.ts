import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ } from "../../tests/support/fuzz.ts";
import { parseStrictJson } from "./json.ts";

const MAX_JSON_DEPTH = 64;

function parse(text: string): unknown {
  return parseStrictJson(new TextEncoder().encode(text));
}

Deno.test("any value written as JSON is read back unchanged", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ stringUnit: "binary", maxDepth: 5 }),
      (value) => {
        const text = JSON.stringify(value);
        const names = typeof value === "object" && value !== null
          ? Object.keys(value).map((name) => name.toLowerCase())
          : [];
        fc.pre(Array.isArray(value) || new Set(names).size === names.length);
        assert.deepEqual(parse(text), JSON.parse(text));
      },
    ),
    FUZZ,
  );
});

Deno.test("nesting is counted exactly and brackets within strings do not count", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert.ok(parse(nested(MAX_JSON_DEPTH)));
  assert.throws(() => parse(nested(MAX_JSON_DEPTH + 1)), SyntaxError);
  assert.deepEqual(parse(JSON.stringify(["[".repeat(100)])), ["[".repeat(100)]);
});

Deno.test("a name may be repeated in an inner object", () => {
  assert.deepEqual(parse('{"a":{"a":1,"A":2},"b":[{"a":1}]}'), {
    a: { a: 1, A: 2 },
    b: [{ a: 1 }],
  });
  assert.throws(() => parse('{"a":1,"b":{},"a":2}'), /"a" twice/);
});
