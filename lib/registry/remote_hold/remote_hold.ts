/**
 * Client of a remote hold over XRPC.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import type { PartMemory } from "../../async/part_memory.ts";
import type { Clock } from "../../clock.ts";
import type { Decision } from "../../hold_api/decision.ts";
import type { PulledManifest, PushEvent } from "../../hold_api/push_event.ts";
import type { Kv } from "../../kv/kv.ts";
import { AppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { sizesOf } from "../../hold_api/blob_sizes.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ByteRange } from "../../storage/blob_store.ts";
import type {
  Caller,
  HoldClient,
  RequestBytes,
  UploadRef,
} from "../../hold_api/hold_client.ts";
import { KnownPublic } from "./known_public.ts";
import { RemoteAccess } from "./remote_access.ts";
import { RemoteBlobs } from "./remote_blobs.ts";
import { RemoteCalls, type RemoteCallsDeps } from "./remote_calls.ts";
import { RemoteQuota } from "./remote_quota.ts";
import type { RemoteTails } from "./remote_tails.ts";
import { RemoteUploads } from "./remote_uploads.ts";

export interface RemoteHoldDeps extends RemoteCallsDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  /** Idle time after which an upload expires, in milliseconds. */
  uploadTtlMs: number;
  /** Memory of the parts of uploads to all remote holds. */
  partMemory: Pick<PartMemory, "reserve">;
  /** Budgets of the tails of all remote holds. */
  tails: RemoteTails;
}

/** Timeout for checking which blobs of a manifest a hold has, in milliseconds. */
const STAT_TIMEOUT_MS = 2 * 60_000;

const anything = z.unknown();

/** Concurrent pull reports; a hold slower than its readers misses some. */
const MAX_COUNTING = 50;

/** {@linkcode HoldClient} over XRPC. */
export class RemoteHold implements HoldClient {
  readonly #deps: RemoteHoldDeps;
  readonly #calls: RemoteCalls;
  readonly #access: RemoteAccess;
  readonly #blobs: RemoteBlobs;
  readonly #uploads: RemoteUploads;
  readonly #quota: RemoteQuota;
  #counting = 0;

  constructor(deps: RemoteHoldDeps) {
    const { kv, clock, partMemory: memory, tails, uploadTtlMs: ttlMs } = deps;
    this.#deps = deps;
    this.#calls = new RemoteCalls(deps);
    this.#access = new RemoteAccess({
      calls: this.#calls,
      clock,
      known: new KnownPublic(deps),
    });
    this.#blobs = new RemoteBlobs(this.#calls);
    this.#quota = new RemoteQuota(this.#calls, deps.log);
    this.#uploads = new RemoteUploads({
      ...{ kv, clock, memory, tails, ttlMs },
      calls: this.#calls,
    });
  }

  get did(): Did {
    return this.#deps.did;
  }

  mayRead(caller: Caller): Promise<Decision> {
    return this.#access.read(caller);
  }

  mayWrite(caller: Did): Promise<Decision> {
    return this.#access.write(caller);
  }

  stat(caller: Caller, digest: Digest): Promise<{ size: number } | undefined> {
    return this.#blobs.stat(caller, digest);
  }

  /** Like {@linkcode stat}: remote holds are not queried more often for it. */
  check(caller: Caller, digest: Digest): Promise<{ size: number } | undefined> {
    return this.#blobs.stat(caller, digest);
  }

  async statMany(
    caller: Caller,
    digests: readonly Digest[],
    signal?: AbortSignal,
  ): Promise<(number | undefined)[]> {
    const late = AbortSignal.timeout(STAT_TIMEOUT_MS);
    const either = signal ? AbortSignal.any([signal, late]) : late;
    try {
      return await sizesOf(
        digests,
        (digest) => this.#blobs.currentSize(caller, digest, either),
        either,
      );
    } catch (cause) {
      if (!late.aborted) throw cause;
      throw new AppError(
        "UPSTREAM_TIMEOUT",
        `The hold ${this.did} took too long to say which of ${digests.length} blobs it has. Try again.`,
        { cause },
      );
    }
  }

  open(
    caller: Caller,
    digest: Digest,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | undefined> {
    return this.#blobs.open(caller, digest, range, signal);
  }

  locate(caller: Caller, digest: Digest): Promise<string | undefined> {
    return this.#blobs.locate(caller, digest);
  }

  startUpload(caller: Did): Promise<string> {
    return this.#uploads.start(caller);
  }

  uploadOffset({ uploadId }: UploadRef): Promise<number | undefined> {
    return this.#uploads.offset(uploadId);
  }

  append(
    { caller, uploadId }: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
  ): Promise<number> {
    return this.#uploads.append(caller, uploadId, offset, body);
  }

  async completeUpload(
    upload: UploadRef,
    digest: Digest,
    last?: RequestBytes,
  ): Promise<{ size: number; received: number }> {
    const { caller, uploadId } = upload;
    let received = 0;
    if (last) {
      const offset = last.offset ?? await this.uploadOffset(upload) ?? 0;
      received = await this.append(upload, offset, last.body) - offset;
    }
    const { size } = await this.#uploads.complete(caller, uploadId, digest);
    return { size, received };
  }

  abortUpload({ caller, uploadId }: UploadRef): Promise<void> {
    return this.#uploads.abort(caller, uploadId);
  }

  admitManifest(_caller: Did, event: PushEvent): Promise<void> {
    return this.#quota.admit(event);
  }

  async notifyManifest(caller: Did, event: PushEvent): Promise<void> {
    const { owner, digest, ...rest } = event;
    await this.#notify(caller, {
      ...rest,
      userDid: owner,
      manifestDigest: digest,
      operation: "push",
    });
  }

  /** Remote holds detect it themselves: the published lexicons have no method for it. */
  manifestDeleted(): Promise<void> {
    return Promise.resolve();
  }

  /** Like {@linkcode manifestDeleted}. */
  blobUnlinked(): Promise<void> {
    return Promise.resolve();
  }

  /** Remote holds see it in the owner's HEAD requests before the manifest. */
  mayNeed(): Promise<void> {
    return Promise.resolve();
  }

  countPull(caller: Caller, pull: PulledManifest): boolean {
    // Without a caller there is no account to report the pull for.
    if (caller === undefined || this.#counting >= MAX_COUNTING) return false;
    this.#counting++;
    this.#notify(caller, {
      operation: "pull",
      repository: pull.repository,
      userDid: pull.owner,
      manifestDigest: pull.digest,
      manifest: { mediaType: pull.mediaType, layers: [] },
    }).catch((error) =>
      this.#deps.log.debug("hold not notified of a pull", {
        holdDid: this.did,
        error,
      })
    ).finally(() => this.#counting--);
    return true;
  }

  async #notify(caller: Did, input: unknown): Promise<void> {
    const nsid = "io.atcr.hold.notifyManifest";
    await this.#calls.procedure(caller, nsid, input, anything);
  }
}
