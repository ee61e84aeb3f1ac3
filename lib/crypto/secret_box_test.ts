import assert from "node:assert/strict";
import fc from "fast-check";
import { isAppError } from "../errors.ts";
import { SecretBox } from "./secret_box.ts";

const secret = new Uint8Array(32).fill(7);
const other = new Uint8Array(32).fill(8);
const place = ["atproto", "session", "did:web:a.example"];

Deno.test("a sealed value opens to the same value", () => {
  const box = new SecretBox(secret);
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const back = box.open(place, box.seal(place, value));
    assert.equal(JSON.stringify(back), JSON.stringify(value));
  }));
});

Deno.test("the same value encrypts differently each time and does not appear in the result", () => {
  const box = new SecretBox(secret);
  const one = box.seal(place, { token: "very-secret" });
  const two = box.seal(place, { token: "very-secret" });
  assert.notDeepEqual(one.data, two.data);
  const text = new TextDecoder().decode(one.data);
  assert.equal(text.includes("very-secret"), false);
});

Deno.test("a sealed value that was moved to another place does not open", () => {
  const box = new SecretBox(secret);
  const sealed = box.seal(place, 1);
  for (
    const elsewhere of [
      ["atproto", "session", "did:web:b.example"],
      ["atproto", "session,did:web:a.example"],
      ["atproto", "session", "did:web:a.example", ""],
      [],
    ]
  ) assert.throws(() => box.open(elsewhere, sealed));
  const numbers = box.seal(["x", 1], 1);
  assert.throws(() => box.open(["x", "1"], numbers));
});

Deno.test("a sealed value that was changed does not open", () => {
  const box = new SecretBox(secret);
  const sealed = box.seal(place, { a: 1 });
  for (let i = 0; i < sealed.data.length; i++) {
    const data = new Uint8Array(sealed.data);
    data[i] = (data[i] ?? 0) ^ 1;
    assert.throws(() => box.open(place, { ...sealed, data }));
  }
  const cut = { ...sealed, data: sealed.data.subarray(0, 10) };
  assert.throws(() => box.open(place, cut));
});

Deno.test("values of a former secret open, and those of an unknown one fail with advice", () => {
  const sealed = new SecretBox(other).seal(place, "kept");
  assert.equal(new SecretBox(secret, [other]).open(place, sealed), "kept");
  assert.throws(() => new SecretBox(secret).open(place, sealed), (error) => {
    assert(isAppError(error, "INTERNAL"));
    assert.match(error.message, /former secret_key/);
    return true;
  });
});

Deno.test("hashes depend on secret, purpose and the boundaries of the parts", () => {
  const box = new SecretBox(secret);
  const hash = box.mac("password", "ab", "c");
  assert.equal(hash, new SecretBox(secret).mac("password", "ab", "c"));
  assert.notEqual(hash, new SecretBox(other).mac("password", "ab", "c"));
  assert.notEqual(hash, box.mac("token", "ab", "c"));
  assert.notEqual(hash, box.mac("password", "a", "bc"));
  assert.notEqual(hash, box.mac("password", "abc"));
});

Deno.test("a secret of the wrong length is refused", () => {
  assert.throws(() => new SecretBox(new Uint8Array(16)), /16 bytes/);
});
