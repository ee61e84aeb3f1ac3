import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import { systemClock } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { HoldClient } from "../hold_api/hold_client.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { BlobIndex } from "./blob_index.ts";
import { Blobs } from "./blobs.ts";
import { registryKeys } from "./kv_keys.ts";
import { Mounts } from "./mounts.ts";
import { WriteLeases } from "./write_leases.ts";
import { silentLogger } from "../testing_log.ts";
import { openKv } from "../kv/open_kv.ts";
import { nothingHidden } from "./owners/testing_hidden.ts";

const ALICE: Did = "did:plc:alicealicealicealiceal22";
const REF = { did: ALICE, repo: "app" } as const;
const HOLDS = ["did:web:a.example", "did:web:b.example"] as const;
const [A, B] = HOLDS;
const DIGEST = digestOf(new Uint8Array(3));
const OTHER = digestOf(new Uint8Array(4));

/** State of one hold: its blobs, its readers, and whether it is reachable. */
interface State {
  has: Set<Digest>;
  readers: Set<Did> | "everybody";
  down: boolean;
}

async function setUp() {
  const kv = await openKv(":memory:");
  const states = new Map<Did, State>(
    HOLDS.map((did) => [did, {
      has: new Set<Digest>([DIGEST]),
      readers: "everybody",
      down: false,
    }]),
  );
  const asked: string[] = [];
  /** Runs while a hold is asked for a blob. */
  const during = { check: () => Promise.resolve() };
  const stateOf = (did: Did) => {
    const state = states.get(did);
    assert.ok(state);
    return state;
  };
  const holds = {
    get: (did: Did) => {
      const state = stateOf(did);
      if (state.down) {
        return Promise.reject(new AppError("UNAVAILABLE", "It is down."));
      }
      const hold: Partial<HoldClient> = {
        did,
        mayRead: (caller) =>
          Promise.resolve(
            state.readers === "everybody" ||
              caller !== undefined && state.readers.has(caller)
              ? { allowed: true }
              : { allowed: false, reason: "It is private." },
          ),
        mayNeed: (owner, digests) => {
          asked.push(`${owner} may need ${digests}`);
          return Promise.resolve();
        },
        blobUnlinked: () => {
          asked.push(`unlinked ${did}`);
          return Promise.resolve();
        },
        stat: (_caller, digest) => {
          asked.push(did);
          return Promise.resolve(
            state.has.has(digest) ? { size: 3 } : undefined,
          );
        },
        check: async (_caller, digest) => {
          asked.push(did);
          await during.check();
          return state.has.has(digest) ? { size: 3 } : undefined;
        },
        mayWrite: () => Promise.resolve({ allowed: true }),
        statMany: (_caller, digests) =>
          Promise.resolve(
            digests.map((digest) => state.has.has(digest) ? 3 : undefined),
          ),
      };
      return Promise.resolve(hold as HoldClient);
    },
  };
  const index = new BlobIndex(kv);
  const blobs = new Blobs({
    leases: new WriteLeases(kv, systemClock),
    uses: { requireBlobUnused: () => Promise.resolve({ version: null }) },
    kv,
    holds,
    hidden: nothingHidden(holds),
    index,
    log: silentLogger,
    delivery: "proxy",
    directBytes: 0,
  });
  const missing = async (holdDid: Did, ...digests: Digest[]) =>
    await index.missing(REF, ALICE, await holds.get(holdDid), digests);
  const stat = (caller: Did | undefined = ALICE) =>
    blobs.stat(REF, caller, DIGEST);
  return {
    kv,
    index,
    mounts: new Mounts({ holds, blobs: index }),
    blobs,
    stateOf,
    during,
    asked,
    missing,
    stat,
    [Symbol.dispose]: () => kv.close(),
  };
}

const blob = { digest: DIGEST, size: 3 };

Deno.test("a record that names a dead hold does not remove a blob from the hold that has it", async () => {
  using t = await setUp();
  await t.index.prove(REF, A, [blob]);
  t.stateOf(B).down = true;
  await t.index.claim(REF, B, [blob]);
  assert.deepEqual(await t.stat(), { size: 3 });
  assert.deepEqual(t.asked, [A]);
});

Deno.test("a blob whose first hold is dead or lost it is served from another one, which is tried first from then on", async () => {
  for (const trouble of ["down", "lost"]) {
    using t = await setUp();
    await t.index.prove(REF, A, [blob]);
    await t.index.claim(REF, B, [blob]);
    if (trouble === "down") t.stateOf(A).down = true;
    else t.stateOf(A).has.clear();
    assert.deepEqual(await t.stat(), { size: 3 });
    assert.equal((await t.index.first(REF, DIGEST))?.holdDid, B);
    // A hold that comes back is still known.
    t.stateOf(A).down = false;
    t.stateOf(A).has.add(DIGEST);
    t.stateOf(B).has.clear();
    assert.deepEqual(await t.stat(), { size: 3 });
  }
});

Deno.test("a push to another hold keeps the hold that had the blob before", async () => {
  using t = await setUp();
  await t.index.prove(REF, A, [blob]);
  await t.index.prove(REF, B, [blob]);
  assert.equal((await t.index.first(REF, DIGEST))?.holdDid, B);
  t.stateOf(B).has.clear();
  assert.deepEqual(await t.stat(), { size: 3 });
});

Deno.test("rows of earlier versions, with one hold, are read and stay when a record names another hold", async () => {
  using t = await setUp();
  const key = registryKeys.blob(REF.did, REF.repo, DIGEST);
  await t.kv.set(key, { holdDid: A, size: 3 });
  t.stateOf(B).down = true;
  await t.index.claim(REF, B, [blob]);
  assert.deepEqual(await t.stat(), { size: 3 });
  assert.deepEqual(await t.index.inHold(REF, A, [DIGEST]), [true]);
});

Deno.test("a blob is unknown only when every hold says so", async () => {
  using t = await setUp();
  await t.index.prove(REF, A, [blob]);
  await t.index.claim(REF, B, [blob]);
  t.stateOf(A).has.clear();
  t.stateOf(B).down = true;
  const refused = (code: "UNAVAILABLE" | "UNAUTHORIZED" | "BLOB_UNKNOWN") =>
    assert.rejects(
      t.blobs.stat(REF, undefined, DIGEST),
      (error) => isAppError(error, code),
    );
  await refused("UNAVAILABLE");
  t.stateOf(B).down = false;
  t.stateOf(B).readers = new Set([ALICE]);
  await refused("UNAUTHORIZED");
  t.stateOf(B).readers = "everybody";
  t.stateOf(B).has.clear();
  await refused("BLOB_UNKNOWN");
});

Deno.test("refusals of different private holds have the same message", async () => {
  for (const caller of [undefined, ALICE]) {
    const sentences = new Set<string>();
    for (const hold of [A, B]) {
      using t = await setUp();
      t.stateOf(hold).readers = new Set();
      await t.index.prove(REF, hold, [blob]);
      await assert.rejects(t.blobs.stat(REF, caller, DIGEST), (error) => {
        assert.ok(isAppError(error, "UNAUTHORIZED", "DENIED"));
        sentences.add(error.message);
        return true;
      });
    }
    assert.equal(sentences.size, 1);
  }
});

Deno.test("a deleted blob is gone from the repository in every hold", async () => {
  using t = await setUp();
  await t.index.claim(REF, A, [blob]);
  await t.index.prove(REF, B, [blob]);
  await t.blobs.unlink(REF, DIGEST);
  assert.deepEqual(t.asked, [`unlinked ${B}`]);
  const unknown = (error: unknown) => isAppError(error, "BLOB_UNKNOWN");
  await assert.rejects(t.stat(), unknown);
  await assert.rejects(t.blobs.unlink(REF, DIGEST), unknown);
});

Deno.test("a read does not bring back a blob that is deleted while its hold is asked", async () => {
  using t = await setUp();
  await t.index.claim(REF, A, [blob]);
  t.during.check = () => t.blobs.unlink(REF, DIGEST);
  assert.deepEqual(await t.stat(), { size: 3 });
  t.during.check = () => Promise.resolve();
  const unknown = (error: unknown) => isAppError(error, "BLOB_UNKNOWN");
  await assert.rejects(t.stat(), unknown);
});

Deno.test("a blob that the hold purged is missing, regardless of the index", async () => {
  using t = await setUp();
  await t.index.prove(REF, A, [blob, { digest: OTHER, size: 4 }]);
  assert.deepEqual(await t.missing(A, DIGEST, OTHER), [OTHER]);
  t.stateOf(A).has.add(OTHER);
  assert.deepEqual(await t.missing(A, DIGEST, OTHER), []);
});

Deno.test("a blob that a record claims for a hold counts once the hold has it", async () => {
  using t = await setUp();
  t.stateOf(A).readers = new Set([ALICE]);
  await t.index.claim(REF, A, [blob, { digest: OTHER, size: 4 }]);
  assert.deepEqual(await t.missing(A, DIGEST, OTHER), [OTHER]);
});

Deno.test("naming a blob in a manifest opens what a public hold has, never what a private one has", async () => {
  using t = await setUp();
  t.stateOf(A).readers = new Set([ALICE]);
  assert.deepEqual(await t.missing(A, DIGEST), [DIGEST]);
  assert.deepEqual(await t.index.inHold(REF, A, [DIGEST]), [false]);
  assert.deepEqual(await t.missing(B, DIGEST), []);
  assert.deepEqual(await t.index.inHold(REF, B, [DIGEST]), [true]);
  // The hold must not depend on the owner's repo to know it.
  const recorded = [`${ALICE} may need ${DIGEST}`];
  assert.deepEqual(t.asked, recorded);
  assert.deepEqual(await t.missing(B, DIGEST), []);
  assert.deepEqual(t.asked, recorded, "once");
});

Deno.test("a hold records who mounts a blob before it is in the repository", async () => {
  using t = await setUp();
  const mount = (digest: Digest) =>
    t.mounts.mount(REF, ALICE, A, digest, {
      repositories: [],
      orPublic: true,
    });
  assert.equal(await mount(OTHER), false);
  assert.deepEqual(t.asked.filter((call) => call.includes("need")), []);
  assert.equal(await mount(DIGEST), true);
  assert.ok(t.asked.includes(`${ALICE} may need ${DIGEST}`));
  assert.deepEqual(await t.index.inHold(REF, A, [DIGEST]), [true]);
});

Deno.test("nothing becomes part of the repository when something is missing", async () => {
  using t = await setUp();
  assert.deepEqual(await t.missing(A, DIGEST, OTHER), [OTHER]);
  assert.deepEqual(await t.index.inHold(REF, A, [DIGEST]), [false]);
});

Deno.test("thousands of blobs with the longest names are recorded and found", async () => {
  using t = await setUp();
  const ref = {
    did: `did:web:${"a".repeat(200)}`,
    repo: "r".repeat(200),
  } as const;
  const many = Array.from({ length: 500 }, (_, i) => ({
    digest: digestOf(new TextEncoder().encode(String(i)), "sha512"),
    size: i,
  }));
  await t.index.claim(ref, A, many);
  await t.index.prove(ref, A, many);
  await t.index.prove(ref, B, many);
  const digests = many.map(({ digest }) => digest);
  for (const hold of HOLDS) {
    const found = await t.index.inHold(ref, hold, digests);
    assert.ok(found.length === 500 && found.every(Boolean));
  }
});
