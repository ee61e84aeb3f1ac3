/**
 * Blobs that records refer to, such as avatars and reports. Image layers are
 * not AT Protocol blobs.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import type { Did } from "../did.ts";
import type { BlobRef } from "../atproto/pds/pds.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import { readObject } from "../scrub/read_object.ts";
import type { Pace, ScrubOutcome } from "../scrub/source.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { cidOfRaw, isCid } from "./cid.ts";
import { type RepoKeys, repoKeys } from "./kv_keys.ts";
import { assertRev } from "./path.ts";
import type { BlobRow, BlobUseRow, HeadRow } from "./rows.ts";

/** Largest blob in bytes; what a store accepts in one put. */
export const MAX_BLOB_BYTES = 16 * 1024 * 1024;

/** How long an unreferenced blob is kept, in milliseconds. */
const UNUSED_MS = 24 * 3_600_000;

/** `type/subtype`, without parameters (RFC 9110, section 8.3.1). */
const MIME_TYPE = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,127}$/;

export interface RepoBlobsDeps {
  readonly did: Did;
  readonly kv: Kv;
  readonly store: Pick<BlobStore, "put" | "get" | "delete">;
  /** Key of the object `id`, which consists of letters, digits and `-`. */
  readonly objectKey: (id: string) => string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The blobs of one repo. */
export class RepoBlobs {
  readonly #deps: RepoBlobsDeps;
  readonly #keys: RepoKeys;

  constructor(deps: RepoBlobsDeps) {
    this.#deps = deps;
    this.#keys = repoKeys(deps.did);
  }

  /**
   * Stores `bytes`; they are kept for a day unless a record refers to them.
   * Uploading the same blob again has no effect, except that it repairs a
   * damaged object.
   *
   * Throws AppError `TOO_LARGE` beyond {@linkcode MAX_BLOB_BYTES},
   * `INVALID_REQUEST` for an empty blob or a malformed `mimeType`.
   */
  async upload(bytes: Uint8Array, mimeType: string): Promise<BlobRef> {
    assertBlob(bytes, mimeType);
    const { kv, store, clock, objectKey } = this.#deps;
    const cid = cidOfRaw(createHash("sha256").update(bytes).digest());
    const key = this.#keys.blob(cid);
    for (;;) {
      const known = await kv.get<BlobRow>(key);
      // Each upload gets its own object: the sweep may be deleting that of an earlier upload.
      const object = known?.value.object ??
        `${cid}-${randomBytes(8).toString("hex")}`;
      await store.put(objectKey(object), bytes);
      const row: BlobRow = {
        mimeType,
        size: bytes.length,
        uploadedAt: clock.now(),
        object,
      };
      const stored = await kv.atomic().check(key, known?.versionstamp ?? null)
        .set(key, row).commit();
      if (stored) return blobRef(cid, row);
      // The sweep may already have deleted an object that no row refers to.
      if (known === undefined || await kv.get(key) === undefined) {
        await store.delete(objectKey(object));
      }
    }
  }

  /**
   * Returns a blob that a record refers to, or undefined when there is none or
   * its object is missing or has another size, which hides the blob. Cancel the
   * body when it is not read to the end. Throws AppError `INVALID_REQUEST` when
   * `cid` is invalid.
   */
  async open(
    cid: string,
    signal?: AbortSignal,
  ): Promise<
    | { mimeType: string; size: number; body: ReadableStream<Uint8Array> }
    | undefined
  > {
    if (!isCid(cid)) {
      throw new AppError("INVALID_REQUEST", "The parameter cid is no CID.");
    }
    const row = await this.#deps.kv.get<BlobRow>(this.#keys.blob(cid));
    if (row === undefined || row.value.damaged) return undefined;
    if (!await this.#isUsed(cid)) return undefined;
    const { mimeType, size, object } = row.value;
    const key = this.#deps.objectKey(object);
    const found = await this.#deps.store.get(key, undefined, signal);
    if (found?.info.size === size) return { mimeType, size, body: found.body };
    await found?.body.cancel();
    await this.#hide(cid, row, found ? "size" : "missing");
    return undefined;
  }

  /** All blobs by CID, or those after `after`. */
  async *cids(
    after?: string,
  ): AsyncIterableIterator<{ cid: string; size: number }> {
    const prefix = this.#keys.blobs;
    const rows = this.#deps.kv.list<BlobRow>(
      after === undefined
        ? { prefix }
        : { prefix, start: this.#keys.blob(`${after}\0`) },
    );
    for await (const { key, value } of rows) {
      yield { cid: String(key.at(-1)), size: value.size };
    }
  }

  /** Reads a blob and hides it when its object is missing or damaged. */
  async check(cid: string, pace: Pace): Promise<ScrubOutcome> {
    const { kv, store, objectKey } = this.#deps;
    const row = await kv.get<BlobRow>(this.#keys.blob(cid));
    if (row === undefined) return { result: "changed" };
    const { size, object, damaged } = row.value;
    const key = objectKey(object);
    const found = await readObject(store, key, "sha256", pace);
    if (found && cidOfRaw(found.hash) === cid) {
      if (!damaged) return { result: "right" };
      const { damaged: _, ...sound } = row.value;
      const mended = await this.#replace(row, sound);
      return { result: mended ? "mended" : "changed" };
    }
    const damage = found === undefined
      ? "missing"
      : found.size === size
      ? "digest"
      : "size";
    const hidden = damaged || await this.#hide(cid, row, damage);
    return hidden ? { result: "damaged", damage } : { result: "changed" };
  }

  /** Returns false when the blob was uploaded again or removed meanwhile. */
  async #hide(
    cid: string,
    row: Entry<BlobRow>,
    damage: string,
  ): Promise<boolean> {
    const hidden = await this.#replace(row, { ...row.value, damaged: true });
    if (hidden) {
      this.#deps.log.error("blob of the repo is damaged and hidden", {
        cid,
        damage,
      });
    }
    return hidden;
  }

  async #replace(row: Entry<BlobRow>, value: BlobRow): Promise<boolean> {
    return await this.#deps.kv.atomic().check(row.key, row.versionstamp)
      .set(row.key, value).commit();
  }

  /**
   * Lists the CIDs of referenced blobs in order; with `since`, only those
   * referenced by a later revision. `cursor` is the last CID of the previous
   * page. Throws AppError `INVALID_REQUEST` for bad parameters.
   */
  async list(
    options: { limit: number; since?: string; cursor?: string },
  ): Promise<{ cids: string[]; cursor: string | undefined }> {
    const { limit, since, cursor } = options;
    if (since !== undefined) assertRev(since);
    if (cursor !== undefined && !isCid(cursor)) {
      throw new AppError("INVALID_REQUEST", "The parameter cursor is no CID.");
    }
    const prefix = this.#keys.blobUses;
    const uses = this.#deps.kv.list<BlobUseRow>(
      cursor === undefined
        ? { prefix }
        : { prefix, start: this.#keys.blobUsesOf(`${cursor}\0`) },
    );
    const cids = new Set<string>();
    for await (const { key, value } of uses) {
      if (since !== undefined && value.rev <= since) continue;
      cids.add(String(key.at(-3)));
      if (cids.size > limit) break;
    }
    const page = [...cids].slice(0, limit);
    return { cids: page, cursor: cids.size > limit ? page.at(-1) : undefined };
  }

  /** Removes blobs that no record has referred to for a day; returns how many. */
  async sweep(): Promise<number> {
    const { kv, store, clock, objectKey } = this.#deps;
    const before = clock.now() - UNUSED_MS;
    let removed = 0;
    for await (const blob of kv.list<BlobRow>({ prefix: this.#keys.blobs })) {
      if (blob.value.uploadedAt >= before) continue;
      if (!await this.#forget(blob)) continue;
      await store.delete(objectKey(blob.value.object));
      removed++;
    }
    return removed;
  }

  /** Deletes the row of a blob unless a record refers to it, including concurrent commits. */
  async #forget({ key, versionstamp }: Entry<BlobRow>): Promise<boolean> {
    const { kv } = this.#deps;
    const head = await kv.get<HeadRow>(this.#keys.head);
    if (head === undefined || await this.#isUsed(String(key.at(-1)))) {
      return false;
    }
    // Writing the head makes concurrent commits check their blobs again.
    return await kv.atomic().check(this.#keys.head, head.versionstamp)
      .check(key, versionstamp).set(this.#keys.head, head.value)
      .delete(key).commit();
  }

  async #isUsed(cid: string): Promise<boolean> {
    const prefix = this.#keys.blobUsesOf(cid);
    const uses = this.#deps.kv.list({ prefix }, { limit: 1 });
    return !(await uses.next()).done;
  }
}

function blobRef(cid: string, { mimeType, size }: BlobRow): BlobRef {
  return { $type: "blob", ref: { $link: cid }, mimeType, size };
}

function assertBlob(bytes: Uint8Array, mimeType: string): void {
  if (bytes.length > MAX_BLOB_BYTES) {
    throw new AppError(
      "TOO_LARGE",
      `The blob has ${bytes.length} bytes; at most ${MAX_BLOB_BYTES} are taken.`,
    );
  }
  if (bytes.length === 0) {
    throw new AppError("INVALID_REQUEST", "The blob is empty.");
  }
  if (!MIME_TYPE.test(mimeType)) {
    throw new AppError(
      "INVALID_REQUEST",
      "The Content-Type of the blob must look like image/png.",
    );
  }
}
