/**
 * Client of the hold in the same process.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { HoldAccess } from "../hold/access.ts";
import type { HoldCrew } from "../hold/crew.ts";
import type { HoldBlobs } from "../hold/blobs/blobs.ts";
import type { HoldUploads } from "../hold/uploads/uploads.ts";
import type { Decision } from "../hold_api/decision.ts";
import type { PulledManifest, PushEvent } from "../hold_api/push_event.ts";
import type { Digest, DigestAlgorithm } from "../oci/digest.ts";
import type { ByteRange } from "../storage/blob_store.ts";
import type {
  BlobLink,
  Caller,
  CompletedUpload,
  HoldClient,
  RequestBytes,
  UploadRef,
} from "../hold_api/hold_client.ts";

/** The services of the hold that the registry uses. */
export interface LocalHoldDeps {
  did: Did;
  access: HoldAccess;
  crew: HoldCrew;
  uploads: HoldUploads;
  blobs: HoldBlobs;
  admitPush: (event: PushEvent) => Promise<void>;
  notifyPush: (caller: Did, event: PushEvent) => Promise<void>;
  countPull: (pull: PulledManifest) => void;
  manifestDeleted: (owner: Did, digest: Digest) => Promise<void>;
  blobUnlinked: (owner: Did, digest: Digest) => Promise<void>;
  mayNeed: (owner: Did, digests: readonly Digest[]) => Promise<void>;
}

/** {@linkcode HoldClient} over the hold's services. */
export class LocalHold implements HoldClient {
  readonly #deps: LocalHoldDeps;

  constructor(deps: LocalHoldDeps) {
    this.#deps = deps;
  }

  get did(): Did {
    return this.#deps.did;
  }

  mayRead(caller: Caller): Promise<Decision> {
    return this.#deps.access.read(caller);
  }

  mayWrite(caller: Did): Promise<Decision> {
    return this.#deps.access.write(caller);
  }

  async stat(
    _caller: Caller,
    digest: Digest,
  ): Promise<{ size: number } | undefined> {
    return await this.#deps.blobs.stat(digest);
  }

  async check(
    _caller: Caller,
    digest: Digest,
  ): Promise<{ size: number } | undefined> {
    return await this.#deps.blobs.check(digest);
  }

  statMany(
    _caller: Caller,
    digests: readonly Digest[],
    signal?: AbortSignal,
  ): Promise<(number | undefined)[]> {
    return this.#deps.blobs.sizes(digests, signal);
  }

  async open(
    _caller: Caller,
    digest: Digest,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | undefined> {
    return await this.#deps.blobs.open(digest, range, signal);
  }

  async locate(
    _caller: Caller,
    digest: Digest,
    contentType: string,
  ): Promise<string | undefined> {
    return await this.#deps.blobs.presign(digest, { contentType });
  }

  async startUpload(caller: Did, algorithm: DigestAlgorithm): Promise<string> {
    await this.#requireWrite(caller);
    const { crew, uploads } = this.#deps;
    await crew.ensure(caller);
    return (await uploads.reserve(caller, algorithm)).uploadId;
  }

  uploadOffset(upload: UploadRef): Promise<number | undefined> {
    return this.#deps.uploads.offset(upload);
  }

  async append(
    upload: UploadRef,
    offset: number,
    body: ReadableStream<Uint8Array>,
    signal?: AbortSignal,
  ): Promise<number> {
    await this.#requireWrite(upload.caller);
    const { uploads } = this.#deps;
    return (await uploads.append(upload, offset, body, signal)).offset;
  }

  async completeUpload(
    upload: UploadRef,
    digest: Digest,
    last?: RequestBytes,
    link?: BlobLink,
  ): Promise<CompletedUpload> {
    await this.#requireWrite(upload.caller);
    return await this.#deps.uploads.finish(upload, digest, last, link);
  }

  abortUpload(upload: UploadRef): Promise<void> {
    return this.#deps.uploads.abort(upload);
  }

  admitManifest(_caller: Did, event: PushEvent): Promise<void> {
    return this.#deps.admitPush(event);
  }

  notifyManifest(caller: Did, event: PushEvent): Promise<void> {
    return this.#deps.notifyPush(caller, event);
  }

  manifestDeleted(owner: Did, digest: Digest): Promise<void> {
    return this.#deps.manifestDeleted(owner, digest);
  }

  blobUnlinked(owner: Did, digest: Digest): Promise<void> {
    return this.#deps.blobUnlinked(owner, digest);
  }

  mayNeed(owner: Did, digests: readonly Digest[]): Promise<void> {
    return this.#deps.mayNeed(owner, digests);
  }

  countPull(_caller: Caller, pull: PulledManifest): boolean {
    this.#deps.countPull(pull);
    return true;
  }

  async #requireWrite(caller: Did): Promise<void> {
    const decision = await this.mayWrite(caller);
    if (!decision.allowed) throw new AppError("DENIED", decision.reason);
  }
}
