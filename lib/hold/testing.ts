/**
 * Helpers for tests of the hold: a hold with a real repo on an in-memory KV,
 * and stores of each kind.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { assertRecord } from "../atproto/lexicon/record_validator.ts";
import { type Clock } from "../clock.ts";
import { AppError, type ErrorCode, isAppError } from "../errors.ts";
import type { UploadRef } from "../hold_api/hold_client.ts";
import type { Kv } from "../kv/kv.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { Repo } from "../repo/repo.ts";
import type { RecordValidator } from "../repo/writes.ts";
import type { BlobStore, Multipart, Part } from "../storage/blob_store.ts";
import { FilesystemBlobStore } from "../storage/filesystem/filesystem.ts";
import { StorageKeys } from "../storage/object_keys.ts";
import { MemoryBlobStore } from "../storage/memory.ts";
import type { Damage } from "./blobs/blob_row.ts";
import { BlobRows } from "./blobs/blob_rows.ts";
import { BlobUploaders } from "./blobs/uploaders.ts";
import { DamageReporter } from "./blobs/damage.ts";
import { HoldBlobs } from "./blobs/blobs.ts";
import { Accounts } from "./quota/accounts.ts";
import { Claims } from "./quota/claims.ts";
import { QuotaRooms } from "./quota/rooms.ts";
import { HoldUploads, type HoldUploadsDeps } from "./uploads/uploads.ts";
import { ManualClock } from "../testing_clock.ts";
import { silentLogger } from "../testing_log.ts";
import { importSigningKey } from "../repo/identity/signer.ts";
import { feedRows } from "./feeds/feed_rows.ts";
import { openKv } from "../kv/open_kv.ts";

/** The hold of the tests. */
export const HOLD: Did = "did:web:hold.example.com";
/** Its captain. */
export const CAPTAIN: Did = "did:plc:captaincaptaincaptaincap";
/** A user. */
export const ALICE: Did = "did:plc:alicealicealicealiceal22";
/** Another user. */
export const BOB: Did = "did:plc:bobbobbobbobbobbobbobbo2";

/** A repo in memory. */
export async function openRepo(
  options: { kv: Kv; clock: ManualClock; validator?: RecordValidator },
): Promise<Repo> {
  return await Repo.open({
    did: HOLD,
    handle: "hold.example.com",
    kv: options.kv,
    signer: await importSigningKey(new Uint8Array(32).fill(7)),
    validator: options.validator ?? { assertRecord },
    clock: options.clock,
    logger: silentLogger,
    join: feedRows,
  });
}

/** A store with the rules of S3: large parts only, no offsets. Counts its calls. */
export class StrictStore extends MemoryBlobStore {
  override readonly parts = { minBytes: 5 * 1024 * 1024, maxParts: 10_000 };
  override readonly positional = false;
  /** Calls by name. */
  readonly calls = new Map<string, number>();

  override putPart(
    ...[upload, partNumber, body, options]: Parameters<
      MemoryBlobStore["putPart"]
    >
  ): Promise<Part> {
    this.#count("putPart");
    if (options?.offset !== undefined) throw new Error("S3 has no offsets");
    return super.putPart(upload, partNumber, body, options);
  }

  override get(...args: Parameters<MemoryBlobStore["get"]>) {
    this.#count("get");
    return super.get(...args);
  }

  override completeMultipart(
    upload: Multipart,
    parts: readonly Part[],
    key?: string,
  ) {
    const small = parts.slice(0, -1).find((p) => p.size < this.parts.minBytes);
    if (small) throw new AppError("BLOB_UPLOAD_INVALID", "EntityTooSmall");
    return super.completeMultipart(upload, parts, key);
  }

  #count(name: string) {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
  }
}

/** Everything a test of uploads needs. */
export interface TestHold extends AsyncDisposable {
  readonly kv: Kv;
  readonly clock: ManualClock;
  readonly store: BlobStore;
  readonly keys: StorageKeys;
  readonly rows: BlobRows;
  readonly uploaders: BlobUploaders;
  readonly blobs: HoldBlobs;
  readonly damage: DamageReporter;
  /** Damage metrics. */
  readonly damaged: readonly Damage[];
  readonly uploads: HoldUploads;
  /** The same hold after a restart: only KV and store survive. */
  restart(deps?: Partial<HoldUploadsDeps>): HoldUploads;
}

/** A hold on `store`. */
export async function openHold(
  store: BlobStore,
  clock: ManualClock = new ManualClock(),
  changes: Partial<HoldUploadsDeps> = {},
): Promise<TestHold> {
  const kv = await openKv(":memory:", clock);
  const keys = new StorageKeys();
  const rows = new BlobRows({ kv, clock });
  const uploaders = new BlobUploaders({ kv, clock });
  const damaged: Damage[] = [];
  const damage = new DamageReporter({
    rows,
    log: silentLogger,
    metrics: { blobDamaged: (kind) => damaged.push(kind) },
  });
  const deps: HoldUploadsDeps = {
    kv,
    store,
    keys,
    rows,
    clock,
    log: silentLogger,
    quota: unlimitedRooms(kv, clock),
    baseUrl: "https://hold.example.com",
    presign: true,
    ...changes,
  };
  return {
    kv,
    clock,
    store,
    keys,
    rows,
    uploaders,
    blobs: new HoldBlobs({ ...deps, damage }),
    damage,
    damaged,
    uploads: new HoldUploads(deps),
    restart: (more) => new HoldUploads({ ...deps, ...more }),
    [Symbol.asyncDispose]: () => Promise.resolve(kv.close()),
  };
}

/** No quota for any account. */
export function unlimitedRooms(kv: Kv, clock: Clock): QuotaRooms {
  const accounts = new Accounts({ kv, clock, claims: new Claims(kv) });
  const limitOf = () => Promise.resolve(undefined);
  return new QuotaRooms({ accounts, clock, limitOf });
}

export const MIB = 1024 * 1024;

/** A digest that nothing has. */
export const WRONG: Digest = `sha256:${"0".repeat(64)}`;

/** A check for `assert.rejects`: an AppError with one of `codes`. */
export const code = (...codes: ErrorCode[]) => (error: unknown): boolean =>
  isAppError(error, ...codes);

/** Runs a test once on each kind of store. */
export function onEachStore(
  name: string,
  test: (store: BlobStore, clock: ManualClock) => Promise<void>,
): void {
  Deno.test(`${name} (memory)`, async () => {
    const clock = new ManualClock(Date.now());
    await test(new MemoryBlobStore(clock), clock);
  });
  Deno.test(`${name} (large parts)`, async () => {
    const clock = new ManualClock(Date.now());
    await test(new StrictStore(clock), clock);
  });
  Deno.test(`${name} (filesystem)`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const clock = new ManualClock(Date.now());
      await test(new FilesystemBlobStore({ folder, clock }), clock);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Runs a test with a hold on each kind of store. */
export function onEachHold(
  name: string,
  test: (
    hold: TestHold,
    on: { store: BlobStore; clock: ManualClock },
  ) => Promise<void>,
): void {
  onEachStore(name, async (store, clock) => {
    await using hold = await openHold(store, clock);
    await test(hold, { store, clock });
  });
}

/** An upload of alice with `bytes` in it. */
export async function startUpload(
  hold: TestHold,
  bytes: Uint8Array,
): Promise<UploadRef> {
  const upload = await hold.uploads.initiate(ALICE);
  await hold.uploads.append(upload, 0, bodyOf(bytes));
  return upload;
}

/** Pushes a blob of alice in chunks. */
export async function pushBlob(
  hold: TestHold,
  bytes: Uint8Array,
): Promise<Digest> {
  const { uploadId } = await startUpload(hold, bytes);
  return (await hold.uploads.complete(uploadId, digestOf(bytes))).digest;
}

/** Pseudo-random bytes, the same for the same seed. */
export function noise(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

/** `bytes` as a body in chunks of `size`. */
export function bodyOf(
  bytes: Uint8Array,
  size = 32 * 1024,
): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at + size));
      at += size;
    },
  });
}

/** A body that breaks after `bytes`. */
export function brokenBody(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let sent = false;
  return new ReadableStream({
    pull(controller) {
      if (sent) controller.error(new Error("aborted"));
      else controller.enqueue(bytes);
      sent = true;
    },
  });
}

/** All bytes of a blob; undefined when there is none. */
export async function read(
  hold: TestHold,
  bytes: Uint8Array,
): Promise<Uint8Array | undefined> {
  const opened = await hold.blobs.open(digestOf(bytes));
  if (!opened) return undefined;
  return new Uint8Array(await new Response(opened.body).arrayBuffer());
}

/** All keys in the store, and the number of open uploads. */
export async function contents(
  store: BlobStore,
): Promise<{ keys: string[]; uploads: number }> {
  const keys: string[] = [];
  for await (const { key } of store.list("")) keys.push(key);
  let uploads = 0;
  for await (const _ of store.listMultiparts("")) uploads++;
  return { keys, uploads };
}
