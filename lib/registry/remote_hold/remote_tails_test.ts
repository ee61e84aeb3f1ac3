/** What uploads to remote holds store here: only what a request adds, and no more than the budget. */

import assert from "node:assert/strict";
import { PartMemory } from "../../async/part_memory.ts";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { PartRef } from "../../hold_api/hold_client.ts";
import { ALICE, BOB, bodyOf, CAPTAIN, noise } from "../../hold/testing.ts";
import type { Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import type { RemoteCalls } from "./remote_calls.ts";
import { RemoteTails } from "./remote_tails.ts";
import { RemoteUploads } from "./remote_uploads.ts";
import { digest, MIB } from "./testing_remote.ts";

const HOUR = 3_600_000;

/** Counts the bytes of binary values that are written to `kv`. */
function counted(kv: Kv) {
  let written = 0;
  const atomic: Kv["atomic"] = () => {
    const commit = kv.atomic();
    const set = commit.set.bind(commit);
    commit.set = (key, value, options) => {
      written += value instanceof Uint8Array ? value.length : 100;
      return set(key, value, options);
    };
    return commit;
  };
  const watched: Kv = new Proxy(kv, {
    get(target, name) {
      if (name === "atomic") return atomic;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { kv: watched, written: () => written };
}

/** A hold that keeps the parts of one upload. */
class PartHold {
  readonly parts = new Map<number, Uint8Array>();
  /** What the completion named. */
  completed: readonly PartRef[] = [];
  /** Whether it does not answer. */
  away = false;
  #next = 0;

  readonly calls: Pick<RemoteCalls, "procedure" | "sendPart"> = {
    procedure: (_caller, nsid, input, schema) => {
      if (this.away) return Promise.reject(new Error("away"));
      const method = nsid.replace("io.atcr.hold.", "");
      const { partNumber = 0, parts = [] } = input as {
        partNumber?: number;
        parts?: PartRef[];
      };
      this.#next = partNumber;
      if (method === "completeUpload") this.completed = parts;
      const url = "https://hold.example.com/part";
      return Promise.resolve(schema.parse({ uploadId: "u", url }));
    },
    sendPart: (_caller, _to, bytes) => {
      this.parts.set(this.#next, bytes.slice());
      return Promise.resolve(`etag ${this.#next}`);
    },
  };

  /** The bytes that the completion named. */
  async bytes(): Promise<Uint8Array> {
    const parts = this.completed.map(({ partNumber, etag }) => {
      assert.equal(etag, `etag ${partNumber}`);
      return new Uint8Array(this.parts.get(partNumber) ?? []);
    });
    return new Uint8Array(await new Blob(parts).arrayBuffer());
  }
}

async function open(
  options: {
    partBytes?: number;
    budgetBytes?: number;
    totalBytes?: number;
    memory?: PartMemory;
  },
) {
  const clock = new ManualClock();
  const store = await openKv(":memory:", clock);
  const { kv, written } = counted(store);
  const hold = new PartHold();
  const { calls } = hold;
  const shared = { kv, clock, ttlMs: HOUR };
  const tails = new RemoteTails({ ...shared, ...options });
  const memory = new PartMemory({ clock });
  const uploads = new RemoteUploads({
    ...shared,
    calls,
    tails,
    memory,
    ...options,
  });
  const push = (caller: Did, id: string, at: number, bytes: Uint8Array) =>
    uploads.append(caller, id, at, bodyOf(new Uint8Array(bytes)));
  return {
    ...{ kv, clock, hold, uploads, written, push },
    /** Rows that are left. */
    rows: () =>
      Array.fromAsync(
        kv.list({ prefix: ["registry"] }),
        ({ key }) => key.join(" "),
      ),
    [Symbol.dispose]: () => store.close(),
  };
}

Deno.test("a request writes only the bytes that it adds to a tail", async () => {
  using remote = await open({});
  const { uploads, hold, push } = remote;
  const bytes = noise(9 * MIB);
  const id = await uploads.start(ALICE);
  let at = await push(ALICE, id, 0, bytes.subarray(0, 8 * MIB - 1_000));
  const before = remote.written();
  for (let i = 0; i < 100; i++) {
    at = await push(ALICE, id, at, bytes.subarray(at, at + 1));
  }
  assert.ok(remote.written() - before < MIB, `${remote.written() - before}`);
  await push(ALICE, id, at, bytes.subarray(at));
  await uploads.complete(ALICE, id, digest(bytes));
  assert.equal(digest(await hold.bytes()), digest(bytes));
  assert.deepEqual(await remote.rows(), []);
});

Deno.test("requests of any size, some of which fail, put a blob together", async () => {
  const partBytes = 200_000;
  using remote = await open({ partBytes });
  const { uploads, hold, push } = remote;
  const bytes = noise(2 * MIB + 77);
  const id = await uploads.start(ALICE);
  const sizes = [1, 4_000, 97, 0, 59_999, 60_001, 199_999, 5, 450_000];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    const piece = bytes.slice(at, at + size);
    if (i % 3 === 1) {
      const broken = ReadableStream.from((async function* () {
        yield noise(size + 1, 9);
        await Promise.resolve();
        throw new Error("cut");
      })());
      await assert.rejects(uploads.append(ALICE, id, at, broken), /cut/);
      assert.equal(await uploads.offset(id), at);
    }
    at = await push(ALICE, id, at, piece);
  }
  const { size } = await uploads.complete(ALICE, id, digest(bytes));
  assert.equal(size, bytes.length);
  assert.equal(digest(await hold.bytes()), digest(bytes));
  assert.deepEqual(await remote.rows(), []);
});

Deno.test("an upload that is never idle for long outlives any number of its lifetimes", async () => {
  using remote = await open({ partBytes: 100_000 });
  const { uploads, hold, push, clock } = remote;
  const bytes = noise(150_000);
  const id = await uploads.start(ALICE);
  let at = await push(ALICE, id, 0, bytes.subarray(0, 130_000));
  for (let i = 0; i < 10; i++) {
    clock.advance(0.9 * HOUR);
    at = await push(ALICE, id, at, bytes.subarray(at, at + 2_000));
  }
  await uploads.complete(ALICE, id, digest(bytes));
  assert.equal(digest(await hold.bytes()), digest(bytes));
  const idle = await uploads.start(ALICE);
  await push(ALICE, idle, 0, bytes.subarray(0, 10));
  clock.advance(HOUR);
  assert.equal(await uploads.offset(idle), undefined);
});

Deno.test("the tails of one account have a budget, and finished, cancelled and expired ones free it", async () => {
  using remote = await open({ partBytes: 1_000, budgetBytes: 2_500 });
  const { uploads, push, clock } = remote;
  const tail = noise(900);
  const start = async (caller: Did) => {
    const id = await uploads.start(caller);
    await push(caller, id, 0, tail);
    return id;
  };
  const first = await start(ALICE);
  const second = await start(ALICE);
  const refused = (error: unknown) => isAppError(error, "UNAVAILABLE");
  await assert.rejects(start(ALICE), refused);
  await start(BOB);
  await uploads.complete(ALICE, first, digest(tail));
  const third = await start(ALICE);
  await assert.rejects(start(ALICE), refused);
  // A tail that becomes a part counts no more.
  await push(ALICE, second, 900, tail.subarray(0, 100));
  await start(ALICE);
  await assert.rejects(start(ALICE), refused);
  await uploads.abort(ALICE, third);
  await start(ALICE);
  await assert.rejects(start(ALICE), refused);
  clock.advance(2 * HOUR);
  await start(ALICE);
  await start(ALICE);
});

Deno.test("the tails of all accounts together have a budget", async () => {
  using remote = await open({ partBytes: 1_000, totalBytes: 2_000 });
  const { uploads, push, clock } = remote;
  const tail = noise(900);
  const ids: string[] = [];
  for (const caller of [ALICE, BOB]) {
    const id = await uploads.start(caller);
    await push(caller, id, 0, tail);
    ids.push(id);
    clock.advance(10_000);
  }
  const third = await uploads.start(CAPTAIN);
  await assert.rejects(
    push(CAPTAIN, third, 0, tail),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
  await uploads.abort(ALICE, ids[0] ?? "");
  clock.advance(10_000);
  await push(CAPTAIN, third, 0, tail);
});

Deno.test("where there is no room for all, the oldest uploads of the account with the most end", async () => {
  using remote = await open({ partBytes: 1_000, totalBytes: 3_000 });
  const { uploads, push, clock } = remote;
  const tail = noise(900);
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    const id = await uploads.start(ALICE);
    await push(ALICE, id, 0, tail);
    ids.push(id);
    clock.advance(1_000);
  }
  const bobs = await uploads.start(BOB);
  const at = await push(BOB, bobs, 0, tail.subarray(0, 300));
  assert.equal(await uploads.offset(ids[0] ?? ""), 900);
  await push(BOB, bobs, at, tail.subarray(300));
  assert.equal(await uploads.offset(ids[0] ?? ""), undefined);
  assert.equal(await uploads.offset(ids[1] ?? ""), 900);
  await assert.rejects(
    push(ALICE, ids[0] ?? "", 900, tail),
    (error) => isAppError(error, "BLOB_UPLOAD_UNKNOWN"),
  );
  // An account gets no room from those that have less.
  const more = await uploads.start(ALICE);
  await assert.rejects(
    push(ALICE, more, 0, tail),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
});

Deno.test("cancelling frees the budget although the hold does not answer", async () => {
  using remote = await open({ partBytes: 1_000, budgetBytes: 1_000 });
  const { uploads, push, hold } = remote;
  const id = await uploads.start(ALICE);
  await push(ALICE, id, 0, noise(900));
  hold.away = true;
  await assert.rejects(uploads.abort(ALICE, id), /away/);
  hold.away = false;
  await push(ALICE, await uploads.start(ALICE), 0, noise(900));
});
