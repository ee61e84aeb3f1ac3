import assert from "node:assert/strict";
import fc from "fast-check";
import { isAppError } from "../errors.ts";
import { parseObjectKey } from "./picture_keys.ts";
import { parseQuery, readIdentifier } from "./parameters.ts";

const RULES = { maxSide: 2048, fallbackHosts: ["cdn.example.com"] };
const DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const CID = "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";

function parse(text: string, accept?: string) {
  return parseQuery(new URLSearchParams(text), accept, RULES);
}

Deno.test("variants have the names of the original service", () => {
  const names: Record<string, string> = {
    "": "default.webp",
    "q=85": "default.webp",
    "f=webp": "default.webp",
    "w=200&h=200": "w200-h200-q85.webp",
    "w=200&h=200&f=jpg": "w200-h200-q85.jpg",
    "w=200&h=200&f=png": "w200-h200.png",
    "w=200&h=200&f=png&q=10": "w200-h200.png",
    "h=64&q=60": "h64-q60.webp",
    "w=64": "w64-q85.webp",
    "q=60": "q60.webp",
    "f=jpg": "q85.jpg",
    "f=jpeg": "q85.jpg",
    "f=JPEG&w=20": "w20-q85.jpg",
    "f=png": "default.png",
  };
  for (const [text, name] of Object.entries(names)) {
    assert.equal(parse(text).name, name, text);
  }
});

Deno.test("additional parameters are part of the name, ineffective ones are not", () => {
  const names: Record<string, string> = {
    "w=200&h=100&fit=contain": "w200-h100-contain-q85.webp",
    "w=200&h=100&fit=cover": "w200-h100-q85.webp",
    "w=200&fit=contain": "w200-q85.webp",
    "w=200&dpr=2": "w200-dpr2-q85.webp",
    "w=200&dpr=1.5": "w200-dpr1.5-q85.webp",
    "w=200&dpr=1": "w200-q85.webp",
    "dpr=3&enlarge=true": "default.webp",
    "w=200&enlarge=true": "w200-enlarge-q85.webp",
    "w=200&fallback=initials&v=3": "w200-q85.webp",
    "w=0200": "w200-q85.webp",
  };
  for (const [text, name] of Object.entries(names)) {
    assert.equal(parse(text).name, name, text);
  }
});

Deno.test("f=auto follows the Accept header", () => {
  assert.equal(
    parse("f=auto", "image/avif,image/webp,*/*").name,
    "default.webp",
  );
  assert.equal(parse("f=auto", "image/png,image/*;q=0.8").name, "q85.jpg");
  assert.equal(parse("f=auto", "image/webp;q=0, image/png").name, "q85.jpg");
  assert.equal(parse("f=auto").name, "q85.jpg");
  assert.equal(parse("", "image/png").name, "default.webp");
});

Deno.test("an invalid parameter is named with its allowed values", () => {
  const sentences: Record<string, RegExp> = {
    "w=0": /^w must be a whole number from 1 to 2048\.$/,
    "w=2049": /w must be a whole number from 1 to 2048/,
    "h=-5": /h must be a whole number/,
    "h=1e3": /h must be/,
    "h=": /h must be/,
    "q=101": /q must be a whole number from 1 to 100/,
    "q=0": /q must be/,
    "f=gif": /f must be one of webp, jpg, png, auto\./,
    "fit=fill": /fit must be one of cover, contain, inside/,
    "dpr=5": /dpr must be a number from 1 to 4/,
    "dpr=4.5": /dpr must be at most 4/,
    "w=1500&dpr=2": /w and h times dpr must be at most 2048/,
    "enlarge=yes": /enlarge must be one of true, false/,
    "w=x&h=y": /w must be .* h must be /,
    "fallback=robot": /fallback must be/,
    "fallback=https://evil.example/x.png": /fallback must be/,
  };
  for (const [text, sentence] of Object.entries(sentences)) {
    assert.throws(
      () => parse(text),
      (error) =>
        isAppError(error, "INVALID_REQUEST") && sentence.test(error.message),
      text,
    );
  }
});

Deno.test("a fallback leads to allowed hosts only, and only by https", () => {
  const allowed = parse("fallback=https://cdn.example.com/a.png").fallback;
  assert.equal(allowed.kind, "redirect");
  for (
    const url of [
      "http://cdn.example.com/a.png",
      "https://cdn.example.com:8443/a.png",
      "https://user@cdn.example.com/",
      "https://cdn.example.com.evil.example/",
      "https://cdn.example.com@evil.example/",
      "//cdn.example.com/a.png",
      "javascript:alert(1)",
      "data:image/png;base64,AAAA",
      "https://127.0.0.1/",
      "https://[::1]/",
    ]
  ) {
    assert.throws(
      () => parse(`fallback=${encodeURIComponent(url)}`),
      (error) => isAppError(error, "INVALID_REQUEST"),
      url,
    );
  }
});

Deno.test("every query is either refused or names an object that can be served", () => {
  const text = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.integer({ min: -9, max: 3000 }).map(String),
    fc.constantFrom("webp", "jpg", "png", "contain", "inside", "2", "1.25"),
  );
  fc.assert(
    fc.property(
      fc.record({
        w: text,
        h: text,
        q: text,
        f: text,
        fit: text,
        dpr: text,
        enlarge: fc.constantFrom("true", "false"),
      }, { requiredKeys: [] }),
      (record) => {
        try {
          const { name } = parse(new URLSearchParams(record).toString());
          assert.ok(parseObjectKey(`avatars/${DID}/${CID}/${name}`), name);
        } catch (error) {
          assert.ok(isAppError(error, "INVALID_REQUEST"), String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});

Deno.test("only keys of pictures are accepted from requests", () => {
  assert.ok(parseObjectKey(`avatars/${DID}/original/${CID}`));
  for (
    const key of [
      `avatars/${DID}/original/..`,
      `avatars/${DID}/${CID}/../default.webp`,
      `avatars/${DID}/${CID}/default.svg`,
      `avatars/did:plc:../${CID}/default.webp/x`,
      `blobs/${DID}/${CID}/default.webp`,
      `avatars/alice.test/${CID}/default.webp`,
      `avatars/${DID}/${CID}`,
    ]
  ) {
    assert.equal(parseObjectKey(key), undefined, key);
  }
});

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
