import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ } from "../../tests/support/fuzz.ts";
import { formatNextLink } from "./link.ts";

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

Deno.test("no character in the target can end it early", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary" }),
      (path, last) => {
        const header = formatNextLink(`/v2/${path}`, [["n", 1], [
          "last",
          last,
        ]]);
        const target = /^<([\x21-\x3b\x3d\x3f-\x7e]*)>; rel="next"$/
          .exec(header)?.[1];
        assert.ok(target !== undefined, header);
        const query = new URLSearchParams(
          target.slice(target.lastIndexOf("?")),
        );
        assert.equal(query.get("last"), last.toWellFormed());
      },
    ),
    FUZZ,
  );
});
