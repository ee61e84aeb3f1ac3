/**
 * Every error that may reach a person, in one table: its HTTP status, its code
 * in the OCI distribution API and its name in XRPC. Services throw
 * {@linkcode AppError}; the renderers in `routes/render_error.ts` turn it into
 * OCI JSON, XRPC JSON or a page.
 *
 * @module
 */

import { printable } from "./text.ts";

/** How one kind of error appears on the OCI, XRPC and HTML surfaces. */
export interface ErrorSpec {
  /** HTTP status of the response. */
  readonly status: number;
  /** `code` of the OCI error body (distribution-spec, "Error Codes"). */
  readonly oci: string;
  /** `error` of the XRPC error body. */
  readonly xrpc: string;
  /** Title of the error page. */
  readonly title: string;
}

/** The error table. Keys that are OCI codes have the meaning of the OCI spec. */
const ERRORS = {
  BLOB_UNKNOWN: {
    status: 404,
    oci: "BLOB_UNKNOWN",
    xrpc: "BlobNotFound",
    title: "No such blob",
  },
  BLOB_UPLOAD_INVALID: {
    status: 400,
    oci: "BLOB_UPLOAD_INVALID",
    xrpc: "UploadFailed",
    title: "The upload is invalid",
  },
  BLOB_UPLOAD_UNKNOWN: {
    status: 404,
    oci: "BLOB_UPLOAD_UNKNOWN",
    xrpc: "InvalidUploadId",
    title: "No such upload",
  },
  DENIED: {
    status: 403,
    oci: "DENIED",
    xrpc: "Forbidden",
    title: "Not allowed",
  },
  DIGEST_INVALID: {
    status: 400,
    oci: "DIGEST_INVALID",
    xrpc: "InvalidDigest",
    title: "The digest is wrong",
  },
  MANIFEST_BLOB_UNKNOWN: {
    status: 404,
    oci: "MANIFEST_BLOB_UNKNOWN",
    xrpc: "BlobNotFound",
    title: "The manifest names missing content",
  },
  MANIFEST_INVALID: {
    status: 400,
    oci: "MANIFEST_INVALID",
    xrpc: "InvalidRequest",
    title: "The manifest is invalid",
  },
  MANIFEST_UNKNOWN: {
    status: 404,
    oci: "MANIFEST_UNKNOWN",
    xrpc: "RecordNotFound",
    title: "No such manifest",
  },
  NAME_INVALID: {
    status: 400,
    oci: "NAME_INVALID",
    xrpc: "InvalidRequest",
    title: "The name is invalid",
  },
  NAME_UNKNOWN: {
    status: 404,
    oci: "NAME_UNKNOWN",
    xrpc: "RepoNotFound",
    title: "No such repository",
  },
  SIZE_INVALID: {
    status: 400,
    oci: "SIZE_INVALID",
    xrpc: "InvalidRequest",
    title: "The size is wrong",
  },
  TOOMANYREQUESTS: {
    status: 429,
    oci: "TOOMANYREQUESTS",
    xrpc: "RateLimitExceeded",
    title: "Too many requests",
  },
  UNAUTHORIZED: {
    status: 401,
    oci: "UNAUTHORIZED",
    xrpc: "AuthenticationRequired",
    title: "Sign in first",
  },
  UNSUPPORTED: {
    status: 405,
    oci: "UNSUPPORTED",
    xrpc: "MethodNotImplemented",
    title: "Not supported",
  },
  // The codes below do not exist in the distribution spec.
  RANGE_INVALID: {
    status: 416,
    oci: "BLOB_UPLOAD_INVALID",
    xrpc: "InvalidRequest",
    title: "The range is wrong",
  },
  TOO_LARGE: {
    status: 413,
    oci: "SIZE_INVALID",
    xrpc: "PayloadTooLarge",
    title: "Too large",
  },
  QUOTA_EXCEEDED: {
    status: 403,
    oci: "DENIED",
    xrpc: "QuotaExceeded",
    title: "The quota is used up",
  },
  INVALID_REQUEST: {
    status: 400,
    oci: "UNSUPPORTED",
    xrpc: "InvalidRequest",
    title: "The request is invalid",
  },
  NOT_FOUND: {
    status: 404,
    oci: "NAME_UNKNOWN",
    xrpc: "NotFound",
    title: "Not found",
  },
  METHOD_NOT_IMPLEMENTED: {
    status: 501,
    oci: "UNSUPPORTED",
    xrpc: "MethodNotImplemented",
    title: "No such method",
  },
  CONFLICT: {
    status: 409,
    oci: "DENIED",
    xrpc: "InvalidSwap",
    title: "Changed at the same time",
  },
  UNSUPPORTED_MEDIA_TYPE: {
    status: 415,
    oci: "MANIFEST_INVALID",
    xrpc: "InvalidRequest",
    title: "Unsupported media type",
  },
  UNPROCESSABLE: {
    status: 422,
    oci: "UNSUPPORTED",
    xrpc: "InvalidRequest",
    title: "Cannot be processed",
  },
  UPSTREAM_FAILED: {
    status: 502,
    oci: "UNAVAILABLE",
    xrpc: "UpstreamFailure",
    title: "Another server failed",
  },
  UPSTREAM_TIMEOUT: {
    status: 504,
    oci: "UNAVAILABLE",
    xrpc: "UpstreamTimeout",
    title: "Another server did not answer in time",
  },
  UNAVAILABLE: {
    status: 503,
    oci: "UNAVAILABLE",
    xrpc: "ServiceUnavailable",
    title: "Not available at the moment",
  },
  /** In use by another request: to be tried again, and no failure of the server. */
  BUSY: {
    status: 503,
    oci: "UNAVAILABLE",
    xrpc: "ServiceUnavailable",
    title: "In use at the moment",
  },
  STORAGE_FULL: {
    status: 507,
    oci: "UNAVAILABLE",
    xrpc: "InsufficientStorage",
    title: "The storage is full",
  },
  INTERNAL: {
    status: 500,
    oci: "UNKNOWN",
    xrpc: "InternalServerError",
    title: "Something went wrong here",
  },
} as const satisfies Record<string, ErrorSpec>;

/** A key of the error table. */
export type ErrorCode = keyof typeof ERRORS;

/** Optional properties of an {@linkcode AppError}. */
export interface AppErrorOptions extends ErrorOptions {
  /** Machine-readable detail for the OCI body; must be plain JSON. */
  detail?: unknown;
  /** Error name for the XRPC body where a lexicon defines another than the table's. */
  xrpc?: string;
  /** Sent as `Retry-After`, in seconds. */
  retryAfterSeconds?: number;
  /**
   * Details for the operator, in logs and commands. May contain paths, hosts
   * and settings of this server; never sent to a client.
   */
  operator?: string;
}

/**
 * An error for the user: `message` is a clear sentence that says what is wrong
 * and what to do, without secrets or internals.
 */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly detail: unknown;
  readonly retryAfterSeconds: number | undefined;
  /** Details for the operator; never in a response. */
  readonly operator: string | undefined;
  readonly #xrpc: string | undefined;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    // Messages of other servers can be part of ours and are printed in terminals.
    super(printable(message), options);
    this.code = code;
    this.detail = options.detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.operator = options.operator;
    this.#xrpc = options.xrpc;
  }

  /** The table's row for this error. */
  get spec(): ErrorSpec {
    return ERRORS[this.code];
  }

  /** Name of this error in an XRPC response. */
  get xrpcName(): string {
    return this.#xrpc ?? this.spec.xrpc;
  }
}

/** Whether `error` is an {@linkcode AppError} with one of `codes`. */
export function isAppError(
  error: unknown,
  ...codes: ErrorCode[]
): error is AppError {
  return error instanceof AppError &&
    (codes.length === 0 || codes.includes(error.code));
}

/** Message of `error` for the operator of this server, in logs and commands only. */
export function operatorMessage(error: unknown): string {
  if (error instanceof AppError) return error.operator ?? error.message;
  return error instanceof Error ? error.message : String(error);
}
