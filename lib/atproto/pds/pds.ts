/**
 * Interfaces to an account's PDS. Public reads need no session; writes and
 * service tokens need one ({@linkcode PdsSession}).
 *
 * @module
 */
import type { Did } from "../../did.ts";

/** A record with its URI and CID. */
export interface RepoRecord {
  readonly uri: string;
  readonly cid: string;
  readonly value: Record<string, unknown>;
}

/** Maximum writes of one commit (sync specification), enforced by the reference PDS. */
export const MAX_WRITES = 200;

/** One write of `com.atproto.repo.applyWrites`. */
export type RepoWrite =
  | {
    action: "create" | "update";
    collection: string;
    rkey: string;
    value: Record<string, unknown>;
  }
  | { action: "delete"; collection: string; rkey: string };

/** A blob reference in a record. */
export interface BlobRef {
  $type: "blob";
  ref: { $link: string };
  mimeType: string;
  size: number;
}

/**
 * Public reads from one PDS. A repo that is missing or inactive is an error
 * (AppError `UPSTREAM_FAILED`), not an empty one.
 */
export interface PdsReader {
  /** The record, or undefined when there is none. */
  getRecord(
    pds: string,
    did: Did,
    collection: string,
    rkey: string,
    signal?: AbortSignal,
  ): Promise<RepoRecord | undefined>;
  /** One page (at most 100) of a collection. */
  listRecords(
    pds: string,
    did: Did,
    collection: string,
    options?: {
      cursor?: string;
      limit?: number;
      reverse?: boolean;
      signal?: AbortSignal;
    },
  ): Promise<{ records: RepoRecord[]; cursor: string | undefined }>;
  /** Collections of a repo, from `describeRepo`. */
  listCollections(
    pds: string,
    did: Did,
    signal?: AbortSignal,
  ): Promise<string[]>;
  /** False only when the PDS confirms that it has no repo of `did`, not even a deactivated one. */
  hasRepo(pds: string, did: Did, signal?: AbortSignal): Promise<boolean>;
  /** The whole blob, at most `maxBytes`, its CID verified. Undefined when there is none. */
  getBlob(
    pds: string,
    did: Did,
    cid: string,
    options: { maxBytes: number; signal?: AbortSignal },
  ): Promise<{ bytes: Uint8Array; mimeType: string } | undefined>;
}

/** Remaining write quota at a PDS, in points: a delete costs 1, an update 2, a create 3. */
export interface WriteBudget {
  readonly limit: number;
  readonly remaining: number;
  /** When the quota resets, in milliseconds since the Unix epoch. */
  readonly resetsAt: number;
}

/** A record as a PDS has stored it. */
export interface WrittenRecord {
  readonly uri: string;
  readonly cid: string;
  /** Revision of the repo after the commit; undefined where the PDS does not say. */
  readonly rev?: string | undefined;
}

/** An authenticated session of one account at its PDS; refreshes tokens automatically. */
export interface PdsSession {
  readonly did: Did;
  readonly pds: string;
  /** Quota left after the latest commit; undefined if the PDS does not report it. */
  readonly writeBudget?: WriteBudget | undefined;
  /**
   * Applies all `writes` in one commit, or none (AppError `CONFLICT` when a
   * create exists or a swap fails). Returns the CIDs of the records in the
   * order of `writes`; undefined for deletes, and nothing where the PDS does not
   * say them.
   */
  applyWrites(
    writes: readonly RepoWrite[],
    signal?: AbortSignal,
  ): Promise<readonly (string | undefined)[]>;
  /** Stores a record; with `swap` only where the record has this CID, or is absent for null (AppError `CONFLICT` otherwise). */
  putRecord(
    collection: string,
    rkey: string,
    value: Record<string, unknown>,
    signal?: AbortSignal,
    swap?: string | null,
  ): Promise<WrittenRecord>;
  deleteRecord(
    collection: string,
    rkey: string,
    signal?: AbortSignal,
  ): Promise<void>;
  uploadBlob(
    bytes: Uint8Array,
    mimeType: string,
    signal?: AbortSignal,
  ): Promise<BlobRef>;
  /** A service token (`com.atproto.server.getServiceAuth`) for `aud` and method `lxm`; cached until shortly before it expires. */
  serviceToken(aud: string, lxm: string, signal?: AbortSignal): Promise<string>;
}
