import assert from "node:assert/strict";
import fc from "fast-check";
import { returnPath } from "./return_path.ts";

Deno.test("local paths are kept with their query", () => {
  for (
    const path of ["/", "/settings", "/device?code=BCDF-GHJK", "/r/a/b?x=1&y"]
  ) {
    assert.equal(returnPath(path), path);
  }
});

Deno.test("a path to another server is replaced by the start page", () => {
  const elsewhere = [
    undefined,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "/.//evil.example",
    "/..//evil.example",
    "/a/..//evil.example",
    "settings",
    "?x",
    `/${"a".repeat(501)}`,
  ];
  for (const path of elsewhere) {
    assert.equal(returnPath(path), "/", JSON.stringify(path));
  }
});

Deno.test("no text leads a browser to another server", () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom("/", "\\", ".", "a", "@", ":", "%2f", "\t", "#"))
      .map((parts) => `/${parts.join("")}`),
  );
  fc.assert(
    fc.property(text, (given) => {
      const url = new URL(returnPath(given), "https://ours.example/auth/x");
      assert.equal(url.origin, "https://ours.example");
    }),
    { numRuns: 2000 },
  );
});
