/**
 * What the avatar service keeps in KV.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { ErrorCode } from "../errors.ts";

/** Which of an account's pictures. */
export type PictureKind = "avatar" | "banner";

/** A picture as a profile record names it. */
export interface PictureRef {
  readonly cid: string;
  /** As the record claims; nothing depends on it. */
  readonly mimeType: string;
  /** Bytes, as the record claims. */
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
  /** When the PDS was asked, in milliseconds since the Unix epoch; 0: it must be asked again. */
  readonly checkedAt: number;
}

/** A picture as its bytes are. */
export interface OriginalFacts {
  /** Upright pixels. */
  readonly width: number;
  readonly height: number;
  /** Bytes. */
  readonly size: number;
  readonly mimeType: string;
}

/** What is known of a picture whose variants are stored. */
export interface ImageRow {
  /** Bytes of all stored variants; undefined in rows of earlier versions. */
  readonly bytes?: number;
  /** Undefined while all its variants were found in the store. */
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
  /** Of the bytes, in hex; absent for a variant that was found in the store or made by an earlier version. */
  readonly sha256?: string;
  /** When it was last asked for, to some minutes, in milliseconds since the Unix epoch; undefined until it was asked for again. */
  readonly usedAt?: number;
}

/** Why a picture cannot be shown. */
export interface RefusalRow {
  readonly code: ErrorCode;
  readonly message: string;
  /** Milliseconds since the Unix epoch; absent in rows of earlier versions. */
  readonly at?: number;
}
