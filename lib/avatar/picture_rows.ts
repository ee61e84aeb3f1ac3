/**
 * KV rows of the avatar service.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { ErrorCode } from "../errors.ts";

/** Kind of an account's picture. */
export type PictureKind = "avatar" | "banner";

/** A picture as referenced by a profile record. */
export interface PictureRef {
  readonly cid: string;
  /** As declared in the record; not relied upon. */
  readonly mimeType: string;
  /** Size in bytes, as declared in the record. */
  readonly size: number | undefined;
  /** at:// URI of the record. */
  readonly uri: string;
  readonly collection: string;
}

/** The pictures of an account. */
export interface ProfileRow {
  readonly did: Did;
  readonly handle: string | undefined;
  readonly pds: string | undefined;
  readonly avatar: PictureRef | undefined;
  readonly banner: PictureRef | undefined;
  /** When the PDS was queried, in milliseconds since the Unix epoch; 0 to query it again. */
  readonly checkedAt: number;
}

/** Facts of the picture's bytes. */
export interface OriginalFacts {
  /** Upright pixels. */
  readonly width: number;
  readonly height: number;
  /** Bytes. */
  readonly size: number;
  readonly mimeType: string;
}

/** The row of a picture with stored variants. */
export interface ImageRow {
  /** Bytes of all stored variants; undefined in rows of earlier versions. */
  readonly bytes?: number;
  /** Undefined if all its variants were found in the store. */
  readonly original: OriginalFacts | undefined;
}

/** A stored variant. */
export interface VariantRow {
  /** Bytes. */
  readonly size: number;
  /** Pixels; undefined for a variant that was found in the store. */
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /**
   * Hash of the bytes, in hex; absent for a variant that was found in the store
   * or rendered by an earlier version.
   */
  readonly sha256?: string;
  /** Identity of the store that has it; absent in rows of earlier versions. */
  readonly store?: string;
  /**
   * When it was last requested, to some minutes, in milliseconds since the Unix
   * epoch; undefined until it was requested again.
   */
  readonly usedAt?: number;
}

/** Whether `row` is about the store `storeId`; assumed for rows of earlier versions. */
export function isInStore(row: VariantRow, storeId: string): boolean {
  return row.store === undefined || row.store === storeId;
}

/** Why a picture cannot be shown. */
export interface RefusalRow {
  readonly code: ErrorCode;
  readonly message: string;
  /** Milliseconds since the Unix epoch; absent in rows of earlier versions. */
  readonly at?: number;
}
