import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { pageSize, parsePageRequest } from "./lists.ts";

const parse = (query: string) => parsePageRequest(new URLSearchParams(query));

Deno.test("a page is requested by n and last", () => {
  assert.deepEqual(parse("n=10&last=v1"), { n: 10, last: "v1" });
  assert.deepEqual(parse("n=0"), { n: 0, last: undefined });
  assert.deepEqual(parse("n=&last="), { n: undefined, last: undefined });
  assert.deepEqual(parse(""), { n: undefined, last: undefined });
  assert.equal(parse(`n=${"9".repeat(500)}`).n, Number.MAX_SAFE_INTEGER);
});

Deno.test("an invalid page request is a client error", () => {
  const queries = [
    "n=-1",
    "n=a",
    "n=1.5",
    "n=1e3",
    "last=a%00b",
    `last=${"a".repeat(600)}`,
  ];
  for (const query of queries) {
    assert.throws(() => parse(query), { code: "INVALID_REQUEST" }, query);
  }
});

Deno.test("the limit holds for any request", () => {
  assert.equal(pageSize(parse("n=5"), 100), 5);
  assert.equal(pageSize(parse("n=500"), 100), 100);
  assert.equal(pageSize(parse(""), 100), 100);
  assert.equal(pageSize(parse("n=0"), 100), 0);
});

Deno.test("any query gives a page or a client error", () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: "binary" }), (n, last) => {
      const query = new URLSearchParams({ n, last });
      valueOrClientError(() => parsePageRequest(query));
    }),
    FUZZ,
  );
});
