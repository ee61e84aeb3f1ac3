import assert from "node:assert/strict";
import { readIdentifier } from "./identifier.ts";

const DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

Deno.test("a handle is read in every spelling that people use", () => {
  const cases = {
    "alice.test": "alice.test",
    "Alice.TEST": "alice.test",
    "@alice.test": "alice.test",
    "alice.test.": "alice.test",
    "@Alice.test.": "alice.test",
    " alice.test ": "alice.test",
    "at://alice.test": "alice.test",
    "AT://alice.test": "alice.test",
    "\u202aalice.test\u202c": "alice.test",
    "@\u2066alice.test\u2069": "alice.test",
    "bücher.test": "xn--bcher-kva.test",
    "BÜCHER.test": "xn--bcher-kva.test",
    "@bücher.test.": "xn--bcher-kva.test",
    "alice。test": "alice.test",
    "ａｌｉｃｅ.test": "alice.test",
    "👍.test": "xn--yp8h.test",
    "xn--bcher-kva.test": "xn--bcher-kva.test",
    [`@${DID}`]: DID,
    [`DID:PLC:${DID.slice(8)}`]: DID,
    [`at://${DID}`]: DID,
    "did:web:Alice.test": "did:web:alice.test",
    "did:web:localhost:2583": "did:web:localhost%3A2583",
    "did:key:unknown": "did:key:unknown",
  };
  for (const [text, identifier] of Object.entries(cases)) {
    assert.equal(readIdentifier(text), identifier, text);
  }
});

Deno.test("other paths are not identifiers", () => {
  const texts = [
    "",
    ".",
    "..",
    "@",
    "@.",
    "alice",
    "alice.",
    ".env",
    "@.env",
    "favicon.ico",
    "robots.txt",
    "at://",
    "é",
    "é.test/banner",
    "é@b.test",
    "é:80.test",
    "é test.test",
    "é\n.test",
    "é%2e.test",
    "é?.test",
    `${"a".repeat(2048)}.test`,
  ];
  for (const text of texts) {
    assert.equal(readIdentifier(text), undefined, text);
  }
});
