/**
 * Where bytes live: S3, a folder or memory behind one interface. Keys come
 * only from key builders (`lib/storage/object_keys.ts`), never from outside.
 *
 * @module
 */

/** What is known of a stored object. */
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

/** Headers kept with an object. */
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
  /** From 1; the object is the parts in rising order. */
  readonly partNumber: number;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

/** A multipart upload in progress; plain JSON, so that any instance can go on. */
export interface Multipart {
  readonly key: string;
  /** The driver's own id. */
  readonly id: string;
}

/** A request that a client may make without us. */
export interface PresignedRequest {
  readonly url: string;
  readonly method: "GET" | "PUT";
  /** Headers the client must send as they are. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What the parts of a store must look like. */
export interface PartLimits {
  /** Every part but the last has at least this many bytes (S3: 5 MiB). */
  readonly minBytes: number;
  /** At most so many parts (S3: 10,000). */
  readonly maxParts: number;
}

/**
 * A store of immutable or slowly changing objects. Every call throws AppError
 * `INVALID_REQUEST` for a key that is none, `STORAGE_FULL` and `UNAVAILABLE`
 * when the store cannot serve it. No key may lead through another (`a`, `a/b`).
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
   * The object or a part of it; `info` tells of the whole. `range.end` may lie
   * past the end; a range without bytes throws AppError `RANGE_INVALID`. Cancel
   * the body when it is not read to the end.
   */
  get(
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<
    { info: ObjectInfo; body: ReadableStream<Uint8Array> } | undefined
  >;
  /** Stores a small object whole (at most 16 MiB), durable when it resolves. */
  put(
    key: string,
    bytes: Uint8Array,
    headers?: ObjectHeaders,
  ): Promise<ObjectInfo>;
  /** Removes an object; nothing happens when there is none. */
  delete(key: string): Promise<void>;
  /**
   * Moves an object of any size within the store, replacing what is there.
   * Throws AppError `BLOB_UNKNOWN` when there is none to move, and
   * `BLOB_UPLOAD_INVALID` when it should have `size` bytes and has others.
   */
  move(from: string, to: string, size?: number): Promise<void>;
  /** Keys that begin with `prefix` in key order, with size and time; the headers may be missing. */
  list(
    prefix: string,
  ): AsyncIterableIterator<{ key: string; info: ObjectInfo }>;

  createMultipart(key: string, headers?: ObjectHeaders): Promise<Multipart>;
  /**
   * Writes one part, streaming. A `positional` driver takes
   * `offset`, the place of the part in the object, and writes it straight
   * there; without it the part is kept aside until completion. A part sent again
   * replaces the earlier one. Throws AppError `BLOB_UPLOAD_UNKNOWN` when the
   * upload is gone, and what `body` throws; then there is no such part.
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
   * durable when it resolves; no parts make an empty object. A crash in between
   * may leave the object under the upload's own key.
   * Throws AppError `BLOB_UPLOAD_INVALID` when a part is missing or its ETag differs,
   * `BLOB_UPLOAD_UNKNOWN` when the upload is gone.
   */
  completeMultipart(
    upload: Multipart,
    parts: readonly Part[],
    key?: string,
  ): Promise<ObjectInfo>;
  /** Drops the upload and its parts; nothing happens when it is gone. */
  abortMultipart(upload: Multipart): Promise<void>;
  /** Uploads in progress below `prefix`, for the sweep. */
  listMultiparts(
    prefix: string,
  ): AsyncIterableIterator<{ upload: Multipart; startedAt: number }>;

  /**
   * Size of an object in bytes, undefined when there is none, where the driver
   * can say so without a request to another machine.
   */
  localSize?(key: string): Promise<number | undefined>;
  /** A short-lived URL for reading, where the driver has such a thing. */
  presignGet?(
    key: string,
    options: {
      expiresInSeconds: number;
      contentType?: string;
      cacheControl?: string;
    },
  ): Promise<PresignedRequest>;
  /** A short-lived URL for writing one part, where the driver has such a thing. */
  presignPart?(
    upload: Multipart,
    partNumber: number,
    options: { expiresInSeconds: number },
  ): Promise<PresignedRequest>;
  /** Lasting public URL of an object, where the store is served to the public. */
  publicUrl?(key: string): string;
}
