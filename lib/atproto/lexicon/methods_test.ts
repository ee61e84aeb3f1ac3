import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { readInput, readParams } from "./methods.ts";

const DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const DIGEST = `sha256:${"a".repeat(64)}`;
const NOTIFY = "io.atcr.hold.notifyManifest";

/** Asserts that `read` throws an error with a name and a sentence. */
function refuses(
  read: () => unknown,
  sentence: string,
  name = "InvalidRequest",
) {
  assert.throws(read, (error) => {
    assert.ok(isAppError(error, "INVALID_REQUEST"));
    assert.equal(error.message, sentence);
    assert.equal(error.xrpcName, name);
    return true;
  });
}

Deno.test("parameters are parsed as numbers, booleans and lists by their document, with its defaults", () => {
  const nsid = "com.atproto.repo.listRecords";
  const query = "repo=alice.test&collection=com.example.note";
  const read = (text: string) => readParams(nsid, new URLSearchParams(text));
  assert.deepEqual(read(`${query}&reverse=true&other=1&limit=7`), {
    repo: "alice.test",
    collection: "com.example.note",
    limit: 7,
    reverse: true,
  });
  assert.equal(read(query).limit, 50);
  assert.deepEqual(
    readParams(
      "app.bsky.actor.getProfiles",
      new URLSearchParams([["actors", DID], ["actors", "a.test"]]),
    ),
    { actors: [DID, "a.test"] },
  );
});

Deno.test("a parameter that is missing or wrong is named in a sentence", () => {
  const read = (text: string) => () =>
    readParams("com.atproto.sync.listBlobs", new URLSearchParams(text));
  refuses(read(""), "The parameter did is missing.");
  refuses(read("did=alice"), "The parameter did must be a valid did.");
  refuses(
    () =>
      readParams(
        "io.atcr.hold.getQuota",
        new URLSearchParams({ userDid: "alice" }),
        { userDid: "InvalidUserDid" },
      ),
    "The parameter userDid must be a valid did.",
    "InvalidUserDid",
  );
  for (const limit of ["", "x", "1.5", "1e2", "9".repeat(30)]) {
    refuses(
      read(`did=${DID}&limit=${limit}`),
      "The parameter limit must be an integer.",
    );
  }
  refuses(
    read(`did=${DID}&limit=1001`),
    "The parameter limit can not be greater than 1000.",
  );
});

Deno.test("input keeps only declared members, at any depth", () => {
  const layer = { digest: DIGEST, size: 1, mediaType: "a/b" };
  const input = {
    repository: "app",
    userDid: DID,
    manifestDigest: DIGEST,
    manifest: {
      mediaType: "a/b",
      layers: [{ ...layer, annotations: { a: "x".repeat(9) } }],
      schemaVersion: 2,
    },
    userHandle: "alice.test",
    ["__proto__"]: { operation: "pull" },
  };
  assert.deepEqual(readInput(NOTIFY, input), {
    repository: "app",
    userDid: DID,
    manifestDigest: DIGEST,
    operation: "push",
    manifest: { mediaType: "a/b", layers: [layer] },
  });
});

Deno.test("members of a union keep their type, and records all their fields", () => {
  const nsid = "com.atproto.repo.applyWrites";
  const value = {
    $type: "com.example.note",
    text: "x",
    deep: { n: [1, null] },
  };
  const write = {
    $type: `${nsid}#create`,
    collection: "com.example.note",
    value,
  };
  const input = { repo: DID, writes: [{ ...write, extra: 1 }] };
  assert.deepEqual(readInput(nsid, input), { repo: DID, writes: [write] });
  refuses(
    () => readInput(nsid, { repo: DID, writes: [{ ...write, value: [] }] }),
    "The field writes/0/value must be an object.",
  );
  const other = { repo: DID, writes: [{ ...write, $type: "a.b.c#d#e" }] };
  assert.throws(() => readInput(nsid, other));
});

Deno.test("input that is missing or wrong is named in a sentence, and by the error of its document", () => {
  const nsid = "io.atcr.hold.setStats";
  const good = { ownerDid: DID, repository: "app" };
  const errors = { ownerDid: "InvalidOwner" } as const;
  const read = (input: unknown) => () => readInput(nsid, input, errors);
  assert.deepEqual(read(good)(), good);
  refuses(read({ repository: "app" }), "The field ownerDid is missing.");
  refuses(
    read({ ...good, ownerDid: "alice" }),
    "The field ownerDid must be a valid did.",
    "InvalidOwner",
  );
  for (const pullCount of [2 ** 53, 1e300]) {
    refuses(
      read({ ...good, pullCount }),
      "The field pullCount must be an integer below 2^53.",
    );
  }
  for (const input of [[], null, undefined, "x", 7]) {
    refuses(read(input), "The input must be an object.");
  }
  refuses(
    () =>
      readInput("io.atcr.hold.completeUpload", {
        uploadId: "a",
        digest: DIGEST,
        parts: [{ partNumber: 1 }],
      }),
    "The field parts/0/etag is missing.",
  );
});
