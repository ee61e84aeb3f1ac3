import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { isAppError } from "../errors.ts";
import {
  formatBearerChallenge,
  parseAuthorization,
} from "./www_authenticate.ts";

function basic(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

Deno.test("the challenge has the form that clients expect", () => {
  assert.equal(
    formatBearerChallenge({
      realm: "https://r.example/auth/token",
      service: "r.example",
      scope: "repository:alice.test/app:pull,push",
      error: "insufficient_scope",
    }),
    'Bearer realm="https://r.example/auth/token",service="r.example",' +
      'scope="repository:alice.test/app:pull,push",error="insufficient_scope"',
  );
  assert.equal(
    formatBearerChallenge({ realm: "r", service: "s" }),
    'Bearer realm="r",service="s"',
  );
});

Deno.test("no text can end a parameter of the challenge early", () => {
  const text = fc.string({ unit: fc.constantFrom(...'a",\\= :/;') });
  fc.assert(
    fc.property(text, text, text, (realm, service, scope) => {
      const header = formatBearerChallenge({ realm, service, scope });
      const quoted = header.matchAll(/"((?:[^"\\]|\\.)*)"/g);
      assert.deepEqual(
        [...quoted].map(([, written = ""]) => written.replace(/\\(.)/g, "$1")),
        [realm, service, scope],
      );
    }),
    FUZZ,
  );
});

Deno.test("no text can break out of the challenge's line", () => {
  const header = formatBearerChallenge({ realm: "r", service: 'a"\r\nX: ü' });
  assert.equal(header, 'Bearer realm="r",service="a\\"??X: ?"');
});

Deno.test("Basic credentials are UTF-8 and split at the colon after the user", () => {
  const cases: [string, string, string][] = [
    ["alice.test:secret", "alice.test", "secret"],
    ["alice.test:a:b", "alice.test", "a:b"],
    ["älice:pässwörd€", "älice", "pässwörd€"],
    [":", "", ""],
    ["<token>:x", "<token>", "x"],
    ["did:plc:abc:sec:ret", "did:plc:abc", "sec:ret"],
    ["did:web:localhost%3A5000:secret", "did:web:localhost%3A5000", "secret"],
  ];
  for (const [text, username, password] of cases) {
    assert.deepEqual(parseAuthorization(basic(text)), {
      scheme: "basic",
      username,
      password,
    });
  }
});

Deno.test("a Bearer token is accepted in any case of the scheme", () => {
  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    assert.deepEqual(parseAuthorization(`${scheme}  a.b-c_d~e+f/g==`), {
      scheme: "bearer",
      token: "a.b-c_d~e+f/g==",
    });
  }
});

Deno.test("without header there are no credentials, a malformed one is refused without repeating it", () => {
  assert.equal(parseAuthorization(undefined), undefined);
  assert.equal(parseAuthorization(null), undefined);
  assert.equal(parseAuthorization(""), undefined);
  const refused = [
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Bearer s3cret!",
    "Basic s3cret!",
    "Basic czNjcmV0", // no colon
    "Basic /w==", // not UTF-8
    basic("did:plc:s3cret"),
    basic("a\n:s3cret"),
    "Digest s3cret",
    "s3cret",
    ` ${"a".repeat(20_000)}`,
  ];
  for (const header of refused) {
    assert.throws(
      () => parseAuthorization(header),
      (error) =>
        isAppError(error, "UNAUTHORIZED") &&
        !error.message.includes("s3cret") &&
        !error.message.includes("czNj"),
      header,
    );
  }
});

Deno.test("any Authorization header gives credentials or a client error", () => {
  const value = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.base64String(),
    fc.uint8Array().map((bytes) => btoa(String.fromCharCode(...bytes))),
  );
  fc.assert(
    fc.property(
      fc.constantFrom("", "Basic ", "Bearer ", "basic\t", "Digest "),
      value,
      (scheme, text) => {
        valueOrClientError(() => parseAuthorization(scheme + text));
      },
    ),
    FUZZ,
  );
});

Deno.test("hostile headers are read in linear time", () => {
  const start = performance.now();
  for (const part of ["a", " ", ",", "a=", 'a="', "a ", "=", "a=b,", '"\\']) {
    for (const length of [16_000, 1_000_000]) {
      const text = part.repeat(length / part.length);
      for (const scheme of ["", "Basic ", "Bearer "]) {
        valueOrClientError(() => parseAuthorization(scheme + text));
      }
    }
  }
  assert.ok(performance.now() - start < 20_000);
});
