import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import { systemClock } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { HoldClient, HoldDirectory } from "../hold_api/hold_client.ts";
import { parseDigest } from "../oci/digest.ts";
import { BlobIndex } from "./blob_index.ts";
import { Blobs } from "./blobs.ts";
import { registryKeys } from "./kv_keys.ts";
import { WriteLeases } from "./write_leases.ts";
import { silentLogger } from "../testing_log.ts";
import { openKv } from "../kv/open_kv.ts";
import { nothingHidden } from "./owners/testing_hidden.ts";

/** Readers ask the hold of a repository alone. */
const reading = (holds: HoldDirectory) => ({
  holds,
  hidden: nothingHidden(holds),
});

const HOLD: Did = "did:web:hold.example.com";
const ALICE: Did = "did:web:alice.example.com";
const DIGEST = parseDigest(`sha256:${"a".repeat(64)}`);

/** A hold that reports one size and opens a blob of another. */
function liar(says: number, opens: number) {
  let cancelled = false;
  const hold: Partial<HoldClient> = {
    did: HOLD,
    mayRead: () => Promise.resolve({ allowed: true }),
    stat: () => Promise.resolve({ size: says }),
    locate: () => Promise.resolve(undefined),
    open: () =>
      Promise.resolve({
        size: opens,
        body: new ReadableStream({
          cancel: () => {
            cancelled = true;
          },
        }),
      }),
  };
  return { hold: hold as HoldClient, cancelled: () => cancelled };
}

Deno.test("a hold that serves another size than it reported is refused before anything is sent", async () => {
  const kv = await openKv(":memory:", systemClock);
  const key = registryKeys.blob(ALICE, "app", DIGEST);
  await kv.set(key, { holdDid: HOLD, size: 10 });
  for (const opens of [9, 1_000]) {
    const { hold, cancelled } = liar(10, opens);
    const blobs = new Blobs({
      leases: new WriteLeases(kv, systemClock),
      uses: { requireBlobUnused: () => Promise.resolve({ version: null }) },
      kv,
      ...reading({ get: () => Promise.resolve(hold) }),
      index: new BlobIndex(kv),
      log: silentLogger,
      delivery: "auto",
      directBytes: 0,
    });
    const ref = { did: ALICE, repo: "app" };
    await assert.rejects(
      blobs.open(ref, undefined, DIGEST, {}),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
    assert.equal(cancelled(), true);
  }
  kv.close();
});

Deno.test("a blob that its first hold has but does not serve is served from another hold", async () => {
  const kv = await openKv(":memory:", systemClock);
  const other: Did = "did:web:other.example.com";
  const index = new BlobIndex(kv);
  const ref = { did: ALICE, repo: "app" };
  const blob = { digest: DIGEST, size: 10 };
  const failures: HoldClient["open"][] = [
    () => Promise.resolve(undefined),
    () => Promise.reject(new AppError("UPSTREAM_FAILED", "It does not.")),
  ];
  for (const open of failures) {
    await index.claim(ref, other, [blob]);
    await index.prove(ref, HOLD, [blob]);
    const bad: HoldClient = { ...liar(10, 10).hold, open };
    const good: HoldClient = { ...liar(10, 10).hold, did: other };
    const blobs = new Blobs({
      leases: new WriteLeases(kv, systemClock),
      uses: { requireBlobUnused: () => Promise.resolve({ version: null }) },
      kv,
      ...reading({ get: (did) => Promise.resolve(did === HOLD ? bad : good) }),
      index,
      log: silentLogger,
      delivery: "auto",
      directBytes: 0,
    });
    const opened = await blobs.open(ref, undefined, DIGEST, {});
    assert.equal(opened.kind, "stream");
    assert.equal((await index.first(ref, DIGEST))?.holdDid, other);
  }
  kv.close();
});

/** Opens a blob that is cached with 10 bytes at `hold`. */
async function openRemembered(
  hold: HoldClient,
  delivery: "proxy" | "redirect",
) {
  const kv = await openKv(":memory:", systemClock);
  const index = new BlobIndex(kv);
  const ref = { did: ALICE, repo: "app" };
  await index.prove(ref, HOLD, [{ digest: DIGEST, size: 10 }]);
  const blobs = new Blobs({
    leases: new WriteLeases(kv, systemClock),
    uses: { requireBlobUnused: () => Promise.resolve({ version: null }) },
    kv,
    ...reading({ get: () => Promise.resolve(hold) }),
    index,
    log: silentLogger,
    delivery,
    directBytes: 0,
  });
  return await blobs.open(ref, undefined, DIGEST, {})
    .finally(() => kv.close());
}

Deno.test("a hold that has proven to have a blob is not queried before the blob is opened", async () => {
  const stat = () => Promise.reject(new Error("asked"));
  const { hold } = liar(10, 10);
  const opened = await openRemembered({ ...hold, stat }, "proxy");
  assert.equal(opened.kind, "stream");
});

Deno.test("a blob whose size differs from the cached one has the size that its hold serves", async () => {
  const { hold } = liar(11, 11);
  assert.equal((await openRemembered(hold, "proxy")).size, 11);
});

Deno.test("no client is redirected to a blob that its hold has lost", async () => {
  const locate = () => Promise.resolve("https://store.example.com/blob");
  const { hold } = liar(10, 10);
  const there = await openRemembered({ ...hold, locate }, "redirect");
  assert.equal(there.kind, "redirect");
  const stat = () => Promise.resolve(undefined);
  await assert.rejects(
    openRemembered({ ...hold, locate, stat }, "redirect"),
    (error) => isAppError(error, "BLOB_UNKNOWN"),
  );
});
