/**
 * Object storage: S3, a folder or memory behind one interface. Keys come only
 * from the builders in `lib/storage/object_keys.ts`, never from requests.
 *
 * @module
 */

/** Metadata of a stored object. */
export interface ObjectInfo {
  /** Bytes. */
  readonly size: number;
  /** Opaque version of the content, without quotes. */
  readonly etag: string;
  /** Milliseconds since the Unix epoch. */
  readonly modifiedAt: number;
  readonly contentType: string | undefined;
  readonly cacheControl: string | undefined;
}

/** Headers stored with an object. */
export interface ObjectHeaders {
  contentType?: string;
  cacheControl?: string;
}

/** Bytes `start` to `end`, both inclusive, as in HTTP. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** One part of a multipart upload. */
export interface Part {
  /** From 1; the object consists of the parts in ascending order. */
  readonly partNumber: number;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

/** A multipart upload in progress; plain JSON, so that any instance can continue it. */
export interface Multipart {
  readonly key: string;
  /** The driver's own id. */
  readonly id: string;
}

/** A request that a client may send directly to the store. */
export interface PresignedRequest {
  readonly url: string;
  readonly method: "GET" | "PUT";
  /** Headers that the client must send unchanged. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Limits on parts. */
export interface PartLimits {
  /** Every part but the last has at least this many bytes (S3: 5 MiB). */
  readonly minBytes: number;
  /** Maximum number of parts (S3: 10,000). */
  readonly maxParts: number;
}

/**
 * A store of immutable or slowly changing objects. Every call throws AppError
 * `INVALID_REQUEST` for an invalid key, `STORAGE_FULL` when the store is full
 * and `UNAVAILABLE` when it cannot be used. No key may be a path prefix of
 * another (`a`, `a/b`).
 */
export interface BlobStore {
  /** `s3`, `filesystem` or `memory`; for logs and messages. */
  readonly driver: string;
  readonly parts: PartLimits;
  /** Whether parts of any size can be written at their place in the object; see `putPart`. */
  readonly positional: boolean;

  /** Rejects with an AppError `UNAVAILABLE` whose `operator` says why when the store cannot be read or written. */
  check(signal?: AbortSignal): Promise<void>;

  head(key: string): Promise<ObjectInfo | undefined>;
  /**
   * Returns the object or a range of it; `info` describes the whole object,
   * without its headers where `bare` allows a driver not to look for them.
   * `range.end` may lie past the end; an empty range throws AppError
   * `RANGE_INVALID`. Cancel the body when it is not read to the end.
   */
  get(
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
    options?: { bare: boolean },
  ): Promise<
    { info: ObjectInfo; body: ReadableStream<Uint8Array> } | undefined
  >;
  /** Stores a small object (at most 16 MiB); durable when it resolves. */
  put(
    key: string,
    bytes: Uint8Array,
    headers?: ObjectHeaders,
  ): Promise<ObjectInfo>;
  /** Deletes an object; does nothing when there is none. */
  delete(key: string): Promise<void>;
  /**
   * Moves an object of any size within the store, replacing the target. Throws
   * AppError `BLOB_UNKNOWN` when there is none to move, and
   * `BLOB_UPLOAD_INVALID` when its size is not `size`.
   */
  move(from: string, to: string, size?: number): Promise<void>;
  /**
   * Lists keys that begin with `prefix` in key order, with size and time; the
   * headers may be missing.
   */
  list(
    prefix: string,
  ): AsyncIterableIterator<{ key: string; info: ObjectInfo }>;

  createMultipart(key: string, headers?: ObjectHeaders): Promise<Multipart>;
  /**
   * Writes one part, streaming. A `positional` driver writes the part directly
   * at `offset` in the object; without an offset the part is stored separately
   * until completion. A repeated part replaces the earlier one. The driver takes
   * over chunks that are owned (`owned_bytes.ts`). Throws AppError
   * `BLOB_UPLOAD_UNKNOWN` when the upload is gone, and what `body` throws; the
   * part does not exist then.
   */
  putPart(
    upload: Multipart,
    partNumber: number,
    body: ReadableStream<Uint8Array> | Uint8Array,
    options?: { offset?: number; signal?: AbortSignal },
  ): Promise<Part>;
  listParts(upload: Multipart): Promise<Part[]>;
  /**
   * Joins `parts` into the object at `key` (the upload's own by default),
   * durable when it resolves; without parts the object is empty. A crash in
   * between may leave the object under the upload's own key. Throws AppError
   * `BLOB_UPLOAD_INVALID` when a part is missing or its ETag differs,
   * `BLOB_UPLOAD_UNKNOWN` when the upload is gone.
   */
  completeMultipart(
    upload: Multipart,
    parts: readonly Part[],
    key?: string,
  ): Promise<ObjectInfo>;
  /** Deletes the upload and its parts; does nothing when it is gone. */
  abortMultipart(upload: Multipart): Promise<void>;
  /** Uploads in progress below `prefix`, for the sweep. */
  listMultiparts(
    prefix: string,
  ): AsyncIterableIterator<{ upload: Multipart; startedAt: number }>;

  /**
   * Size of an object in bytes, undefined when there is none; only for drivers
   * that know it without a network request.
   */
  localSize?(key: string): Promise<number | undefined>;
  /** A short-lived URL for reading, where the driver supports it. */
  presignGet?(
    key: string,
    options: {
      expiresInSeconds: number;
      contentType?: string;
      cacheControl?: string;
    },
  ): Promise<PresignedRequest>;
  /** A short-lived URL for writing one part, where the driver supports it. */
  presignPart?(
    upload: Multipart,
    partNumber: number,
    options: { expiresInSeconds: number },
  ): Promise<PresignedRequest>;
  /** Permanent public URL of an object, where the store is served to the public. */
  publicUrl?(key: string): string;
}
