import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ } from "../../tests/support/fuzz.ts";
import { formatNextLink, nextLink, parseLinks } from "./link.ts";

Deno.test("the next page is a path in angle brackets that keeps the parameters", () => {
  const link = formatNextLink("/v2/alice.test/app/referrers/sha256:00", [
    ["n", 10],
    ["last", "v1+2"],
    ["artifactType", "application/spdx+json"],
    ["absent", undefined],
  ]);
  assert.equal(
    link,
    "</v2/alice.test/app/referrers/sha256:00?n=10&last=v1%2B2&" +
      'artifactType=application%2Fspdx%2Bjson>; rel="next"',
  );
});

Deno.test("a link that is written is read back, whatever is in it", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary" }),
      (path, last) => {
        const header = formatNextLink(`/v2/${path}`, [["n", 1], [
          "last",
          last,
        ]]);
        assert.match(header, /^[\x20-\x7e]*$/);
        const target = nextLink(header);
        assert.ok(target !== undefined);
        const query = new URLSearchParams(
          target.slice(target.lastIndexOf("?")),
        );
        assert.equal(query.get("last"), last.toWellFormed());
      },
    ),
    FUZZ,
  );
});

Deno.test("links of other registries are read in all their forms", () => {
  assert.deepEqual(
    parseLinks(
      '</a>; rel=prev; title="x, <y>; \\"z\\"", <https://b.test/?c=1,2>;rel="Next last" , </d>',
    ),
    [
      { target: "/a", rel: ["prev"] },
      { target: "https://b.test/?c=1,2", rel: ["next", "last"] },
      { target: "/d", rel: [] },
    ],
  );
  assert.equal(nextLink('</a>; rel="next"; rel="prev"'), "/a");
  assert.equal(nextLink("</a>; rel=prev"), undefined);
  assert.equal(nextLink("/a; rel=next"), undefined);
  assert.equal(nextLink(null), undefined);
});

Deno.test("any Link header is read without an exception and in linear time", () => {
  const near = fc.string({
    unit: fc.constantFrom(...'<>;, ="\\relnxt/'),
    maxLength: 200,
  });
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: "binary" })), (header) => {
      for (const { target } of parseLinks(header)) {
        assert.ok(header.includes(target));
      }
    }),
    FUZZ,
  );
  const start = performance.now();
  for (
    const part of ["<", "<>", "<>;a=", '<>;a="', " ", ",", "<>;a=b", '<>;a="\\']
  ) {
    parseLinks(part.repeat(16_000 / part.length));
    parseLinks(part.repeat(1_000_000));
  }
  assert.ok(performance.now() - start < 2_000);
});
