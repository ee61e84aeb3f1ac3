import assert from "node:assert/strict";
import { isAppError } from "../../lib/errors.ts";
import { parseRepositoryPath, pathOf, profileUrl } from "./urls.ts";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const ALICE = { kind: "did", value: "did:plc:ewvi7nxzyoun6zhxrhs64oiz" };
const PATHS = [
  "/r/alice.test/app",
  "/r/alice.test/team/app/api",
  "/r/alice.test/team/app/-/tags",
  "/r/alice.test/app:v1.0_b",
  `/r/alice.test/team/app@${DIGEST}`,
];

Deno.test("what is built from a parsed address is that address", () => {
  for (const path of PATHS) {
    assert.equal(pathOf(parseRepositoryPath(path), "alice.test"), path);
  }
});

Deno.test("the DID of a server with a port is one part of a path", () => {
  const owner = "did:web:localhost%3A5000";
  for (const path of [`/r/${owner.replace("%", "%25")}/app:v1`]) {
    const parsed = parseRepositoryPath(path);
    assert.equal(parsed.ownerText, owner);
    assert.equal(pathOf(parsed, owner), path);
  }
  assert.equal(
    profileUrl(owner, "stars"),
    "/u/did:web:localhost%253A5000/stars",
  );
});

Deno.test("an owner may be written with an @, as a DID, or as clients write DIDs", () => {
  const spellings = [
    ["@Alice.test", { kind: "handle", value: "alice.test" }],
    ["did:plc:ewvi7nxzyoun6zhxrhs64oiz", ALICE],
    ["did-plc-ewvi7nxzyoun6zhxrhs64oiz", ALICE],
    ["did%3Aplc%3Aewvi7nxzyoun6zhxrhs64oiz", ALICE],
  ] as const;
  for (const [text, owner] of spellings) {
    assert.deepEqual(parseRepositoryPath(`/r/${text}/app`).owner, owner);
  }
});

Deno.test("a tag beside a digest is allowed, and the digest counts", () => {
  const { reference } = parseRepositoryPath(`/r/alice.test/app:v1@${DIGEST}`);
  assert.deepEqual(reference, { kind: "digest", digest: DIGEST });
});

Deno.test("what is no address of a page is not found", () => {
  const wrong = [
    "/r/alice.test",
    "/r/alice.test/",
    "/r/nobody/app",
    "/r/alice.test/App",
    "/r/alice.test/app:.tag",
    "/r/alice.test/app@sha256:12",
    "/r/alice.test/app/-/nothing",
    "/r/alice.test/app:v1/-/tags",
    "/r/alice.test/../../etc",
    "/r/alice.test/app%00",
    "/r/alice.test/%zz",
  ];
  for (const path of wrong) {
    assert.throws(
      () => parseRepositoryPath(path),
      (error) => isAppError(error, "NOT_FOUND"),
      path,
    );
  }
});
