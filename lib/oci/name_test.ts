import assert from "node:assert/strict";
import { isValidHandle } from "@atproto/syntax";
import fc from "fast-check";
import type { Did } from "../did.ts";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { isAppError } from "../errors.ts";
import { digestOf } from "./digest.ts";
import {
  formatImageName,
  isTag,
  parseImageName,
  parseOwner,
  parseReference,
} from "./name.ts";

/** The owner in the name of an image of `value`. */
function safeOwner(value: Did): string {
  const owner = { kind: "did" as const, value };
  return formatImageName({ owner, repository: "app" }).slice(0, -4);
}

const COMPONENT = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
const PLC: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
const dids = fc.oneof(
  fc.stringMatching(/^[a-z2-7]{24}$/).map((id): Did => `did:plc:${id}`),
  fc.array(label, { minLength: 2, maxLength: 4 })
    .map((labels): Did => `did:web:${labels.join(".")}`),
  fc.option(fc.integer({ min: 1, max: 65535 })).map((port): Did =>
    `did:web:localhost${port === null ? "" : `%3A${port}`}`
  ),
);
const handles = fc.array(label, { minLength: 2, maxLength: 4 })
  .map((labels) => labels.join(".")).filter(isValidHandle);
const repositories = fc.array(
  fc.stringMatching(/^[a-z0-9]{1,4}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/),
  { minLength: 1, maxLength: 4 },
).map((components) => components.join("/"));

Deno.test("a name is an owner and a path of any depth", () => {
  assert.deepEqual(parseImageName("alice.test/app"), {
    owner: { kind: "handle", value: "alice.test" },
    repository: "app",
  });
  assert.deepEqual(parseImageName("Alice.Test/team/a__b/c-d.e"), {
    owner: { kind: "handle", value: "alice.test" },
    repository: "team/a__b/c-d.e",
  });
  assert.deepEqual(parseImageName(`${PLC}/app`).owner, {
    kind: "did",
    value: PLC,
  });
});

Deno.test("every spelling of a DID means the same owner", () => {
  const spellings: [string, Did][] = [
    ["did-plc-ewvi7nxzyoun6zhxrhs64oiz", PLC],
    ["did-web-hold-1_example_com", "did:web:hold-1.example.com"],
    ["did:web:hold-1.example.com", "did:web:hold-1.example.com"],
    ["did-web-localhost__5000", "did:web:localhost%3A5000"],
    ["did:web:localhost%3A5000", "did:web:localhost%3A5000"],
    ["did:web:localhost%3a5000", "did:web:localhost%3A5000"],
    ["did:web:localhost:5000", "did:web:localhost%3A5000"],
  ];
  for (const [text, did] of spellings) {
    assert.deepEqual(parseOwner(text), { kind: "did", value: did }, text);
  }
});

Deno.test("a handle that looks like a DID stays a handle", () => {
  for (const handle of ["did-web-example.com", "did-plc-abc.test"]) {
    assert.deepEqual(parseOwner(handle), { kind: "handle", value: handle });
  }
});

Deno.test("a DID survives the docker-safe spelling, which fits the name grammar", () => {
  fc.assert(
    fc.property(dids, (did) => {
      const safe = safeOwner(did);
      assert.match(safe, COMPONENT);
      assert.equal(isValidHandle(safe), false);
      assert.deepEqual(parseOwner(safe), { kind: "did", value: did });
      assert.deepEqual(parseOwner(did), { kind: "did", value: did });
    }),
    FUZZ,
  );
});

Deno.test("a DID without a docker-safe spelling is refused", () => {
  const refused: Did[] = [
    "did:web:example.com:user",
    "did:web:example.com:5000",
    "did:web:Example.com",
    "did:web:",
    "did:plc:",
    "did:key:zQ3shok",
    "did:web:a_b.com",
    "did:web:-a.com",
    "did:web:localhost%3A",
  ];
  for (const did of refused) {
    assert.throws(
      () => safeOwner(did),
      (error) => isAppError(error, "NAME_INVALID"),
      did,
    );
  }
});

Deno.test("a formatted name is parsed back", () => {
  const owners = fc.oneof(
    dids.map((value) => ({ kind: "did" as const, value })),
    handles.map((value) => ({ kind: "handle" as const, value })),
  );
  fc.assert(
    fc.property(owners, repositories, (owner, repository) => {
      const name = formatImageName({ owner, repository });
      for (const part of name.split("/")) assert.match(part, COMPONENT);
      assert.deepEqual(parseImageName(name), { owner, repository });
    }),
    FUZZ,
  );
});

Deno.test("a bad name is refused with a sentence that says what to write", () => {
  const refused: [string, RegExp][] = [
    ["alice.test", /"alice\.test" has no repository.*alice\.example\.com\/app/],
    ["", /no repository/],
    ["alice/app", /"alice" is neither a handle nor a DID/],
    ["/app", /neither/],
    ["alice.test/", /""/],
    ["alice.test//app", /""/],
    ["alice.test/App", /"App".*lower-case/],
    ["alice.test/../app", /"\.\."/],
    ["alice.test/a..b", /"a\.\.b"/],
    ["alice.test/a___b", /"a___b"/],
    ["alice.test/-a", /"-a"/],
    ["alice.test/a\n", /"a\\n"/],
    ["did-web-a__b/app", /neither/],
    ["\u212Aalice.test/app", /neither/],
    [`alice.test/${"a".repeat(250)}`, /261 characters.*255/],
  ];
  for (const [name, message] of refused) {
    assert.throws(
      () => parseImageName(name),
      (error) =>
        isAppError(error, "NAME_INVALID") &&
        (assert.match(error.message, message), true),
      name,
    );
  }
});

Deno.test("a reference is a tag or a digest", () => {
  const digest = digestOf(new Uint8Array());
  assert.deepEqual(parseReference("v1.0_rc-1"), {
    kind: "tag",
    tag: "v1.0_rc-1",
  });
  assert.deepEqual(parseReference(digest), { kind: "digest", digest });
  assert.equal(isTag("a".repeat(128)), true);
  for (
    const tag of ["", ".a", "-a", "a/b", "a b", "ä", "a".repeat(129), "a\n"]
  ) {
    assert.equal(isTag(tag), false);
    assert.throws(
      () => parseReference(tag),
      (error) => isAppError(error, "MANIFEST_INVALID"),
    );
  }
  assert.throws(
    () => parseReference("sha256:x"),
    (error) => isAppError(error, "DIGEST_INVALID"),
  );
});

Deno.test("any text is a name or a client error", () => {
  const near = fc.string({ unit: fc.constantFrom(..."didplcweb:-_./%3Aa0") });
  fc.assert(
    fc.property(fc.oneof(near, fc.string({ unit: "binary" })), (text) => {
      const name = valueOrClientError(() => parseImageName(text));
      valueOrClientError(() => parseReference(text));
      if (name === undefined) return;
      assert.deepEqual(parseImageName(formatImageName(name)), name);
    }),
    FUZZ,
  );
});

Deno.test("long hostile names are refused at once", () => {
  const start = performance.now();
  for (const part of ["a-", "-", "a", "a_", "_", "a.", "./", "/", "0"]) {
    const text = part.repeat(1_000_000 / part.length);
    valueOrClientError(() => parseImageName(text));
    valueOrClientError(() => parseOwner(`did:web:${text}!`));
    valueOrClientError(() => parseOwner(`did-web-${text}!`));
    valueOrClientError(() => parseReference(text));
  }
  assert.ok(performance.now() - start < 20_000);
});
