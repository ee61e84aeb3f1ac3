/**
 * Clients of holds for tests: of our own hold over XRPC, and of holds that
 * respond as a test says.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { PartMemory } from "../../async/part_memory.ts";
import { openServer } from "../../../routes/xrpc/testing_hold.ts";
import { digestOf } from "../../../tests/support/oci.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { bodyOf, HOLD } from "../../hold/testing.ts";
import { type Digest, parseDigest } from "../../oci/digest.ts";
import type { TargetRules } from "../../net/client_target.ts";
import type { HoldFetch } from "./remote_calls.ts";
import type { UploadRef } from "../../hold_api/hold_client.ts";
import { RemoteTails } from "./remote_tails.ts";
import { RemoteHold } from "./remote_hold.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";

/** Where the hold is. */
export const ORIGIN = "https://hold.example.com";
export const MIB = 1024 * 1024;

/** Which addresses of holds are allowed. */
export const TARGETS: TargetRules = {
  plain: false,
  plainOrigins: [],
  ownOrigins: ["https://registry.example.com"],
};

/** The system clock, with shorter pauses. */
export const IMPATIENT: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) => systemClock.sleep(ms / 100, signal),
};

/** A session whose service tokens name account and method. */
export function session(did: Did): Promise<PdsSession | undefined> {
  const refuse = () => Promise.reject(new Error("not asked for here"));
  return Promise.resolve({
    did,
    pds: "https://pds.example.com",
    applyWrites: refuse,
    putRecord: refuse,
    deleteRecord: refuse,
    uploadBlob: refuse,
    serviceToken: (_aud, lxm) => Promise.resolve(`${did} ${lxm}`),
  });
}

/** The client of a hold that `fetch` reaches. */
export async function openRemote(fetch: HoldFetch, clock: Clock = systemClock) {
  const kv = await openKv(":memory:", clock);
  const hold = new RemoteHold({
    did: HOLD,
    origin: ORIGIN,
    fetch,
    targets: TARGETS,
    session,
    kv,
    clock,
    log: silentLogger,
    uploadTtlMs: 3_600_000,
    partMemory: new PartMemory({ clock }),
    tails: new RemoteTails({ kv, clock, ttlMs: 3_600_000 }),
  });
  return { hold, kv, [Symbol.dispose]: () => kv.close() };
}

/** Our own hold, and a registry's client for it; `spoil` may respond instead of the hold. */
export async function openPair(
  settings: Parameters<typeof openServer>[0] = {},
  spoil: (request: Request) => Response | undefined = () => undefined,
) {
  const server = await openServer(settings);
  const seen: string[] = [];
  const fetch: HoldFetch = async (url, init) => {
    const request = new Request(url, init);
    const { pathname, searchParams } = new URL(url);
    const method = pathname.replace("/xrpc/", "");
    seen.push(method);
    const spoilt = spoil(request);
    if (spoilt) return spoilt;
    const collection = searchParams.get("collection") ?? "";
    if (method === "com.atproto.repo.getRecord") {
      const rkey = searchParams.get("rkey") ?? "";
      const record = await server.records.getRecord(collection, rkey);
      return record
        ? Response.json(record)
        : new Response(null, { status: 400 });
    }
    if (method === "com.atproto.repo.listRecords") {
      const page = await server.records.listRecords(collection, {
        limit: 2,
        ...(searchParams.has("cursor")
          ? { cursor: searchParams.get("cursor") ?? "" }
          : {}),
      });
      return Response.json(page);
    }
    return await server.send(url.slice(`${ORIGIN}/xrpc/`.length), init);
  };
  const remote = await openRemote(fetch, IMPATIENT);
  return {
    server,
    hold: remote.hold,
    seen,
    async [Symbol.asyncDispose]() {
      remote[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The digest of a blob. */
export const digest = (bytes: Uint8Array): Digest =>
  parseDigest(digestOf(bytes));

/** Starts an upload of `caller`. */
export async function startUpload(
  hold: RemoteHold,
  caller: Did,
): Promise<UploadRef> {
  const uploadId = await hold.startUpload(caller);
  return { uploadId, caller, algorithm: "sha256" };
}

/** Pushes a blob in pieces. */
export async function push(
  hold: RemoteHold,
  caller: Did,
  pieces: readonly Uint8Array<ArrayBuffer>[],
  name: Digest,
) {
  const upload = await startUpload(hold, caller);
  let offset = 0;
  for (const piece of pieces) {
    assert.equal(await hold.uploadOffset(upload), offset);
    offset = await hold.append(upload, offset, bodyOf(piece));
  }
  return { upload, ...await hold.completeUpload(upload, name) };
}
