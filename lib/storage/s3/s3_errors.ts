/**
 * Converts errors of S3 servers and of connections to them.
 *
 * @module
 */

import { z } from "zod";
import { AppError } from "../../errors.ts";
import { quote } from "../../text.ts";
import type { Multipart } from "../blob_store.ts";
import { unknownUpload } from "../part_list.ts";
import { storageFull, storageUnavailable } from "../storage_error.ts";

/** The target of a request, for messages. */
export interface S3Place {
  readonly bucket: string;
  /** Host and port, or `AWS`. */
  readonly host: string;
}

/** Properties of the SDK's errors. */
interface Failure {
  /** The server's code, or the kind of a network error. */
  readonly name: string;
  readonly status: number | undefined;
  /** System error code, for example `ECONNREFUSED`. */
  readonly code: string | undefined;
  readonly message: string;
  /** Whether the SDK has corrected the clock skew. */
  readonly skewCorrected: boolean;
}

const BAD_PARTS: Readonly<Record<string, string>> = {
  InvalidPart:
    "A part is missing or was replaced by other bytes; send the parts again.",
  InvalidPartOrder: "The parts are not in rising order.",
  EntityTooSmall:
    "A part is too small; every part but the last needs at least 5 MiB.",
  MalformedXML: "The list of parts was refused; check numbers and ETags.",
};

const PASSING = new Set([408, 500, 502, 504]);
const FULL = new Set([
  "InsufficientStorage",
  "QuotaExceeded",
  "XMinioStorageFull",
]);
const SKEWED = new Set(["RequestTimeTooSkewed", "RequestExpired"]);
const STRANGER = new Set(["InvalidAccessKeyId", "XAdminUserNotFound"]);

/** Whether the server is throttling. */
export function isBusy(error: unknown): boolean {
  const { name, status } = readFailure(error);
  return status === 503 || status === 429 || name === "SlowDown";
}

/** Whether a retry may succeed: no response, a broken one, or a transient error. */
export function isPassing(error: unknown): boolean {
  const { name, status, skewCorrected } = readFailure(error);
  if (name === "CredentialsProviderError") return false;
  return skewCorrected || isBusy(error) || name === "RequestTimeout" ||
    status === undefined || status < 300 || PASSING.has(status);
}

/**
 * Whether the object or upload does not exist. The code varies: Ceph returns
 * NoSuchKey where others return NoSuchUpload.
 */
export function isGone(error: unknown): boolean {
  const { name, status } = readFailure(error);
  return status === 404 && name !== "NoSuchBucket" && !STRANGER.has(name);
}

/**
 * `error` as an AppError: `BLOB_UPLOAD_UNKNOWN` and `BLOB_UPLOAD_INVALID` for
 * uploads, `RANGE_INVALID`, `STORAGE_FULL`, else `UNAVAILABLE`; `operator` says
 * what the operator can do.
 */
export function s3Error(
  error: unknown,
  place: S3Place,
  upload?: Multipart,
): AppError {
  if (error instanceof AppError) return error;
  const failure = readFailure(error);
  const { name, status } = failure;
  const options = { cause: error };
  if (upload && isGone(error)) return unknownUpload(upload, error);
  const bad = upload && BAD_PARTS[name];
  if (bad) return new AppError("BLOB_UPLOAD_INVALID", bad, options);
  if (status === 416 || name === "InvalidRange") {
    const sentence = "The range lies outside of the object.";
    return new AppError("RANGE_INVALID", sentence, options);
  }
  if (status === 507 || FULL.has(name)) {
    return storageFull(
      `The bucket ${place.bucket} is full (${name}); free space there.`,
      options,
    );
  }
  return storageUnavailable(explain(failure, place), options);
}

function explain(failure: Failure, { bucket, host }: S3Place): string {
  const { name, status, code, message } = failure;
  if (name === "NoSuchBucket") {
    return `There is no bucket ${bucket} at ${host}; ` +
      "create it or correct the storage settings.";
  }
  if (SKEWED.has(name)) {
    return `${host} refused a request because the clocks differ too much; ` +
      "set the clock of this machine, for example with NTP.";
  }
  if (STRANGER.has(name)) {
    return `${host} does not know the access key; correct the storage settings.`;
  }
  if (name === "SignatureDoesNotMatch") {
    return `${host} refused the signature; correct the secret key, and the ` +
      "region and endpoint if that does not help.";
  }
  if (name === "CredentialsProviderError") {
    return `There are no credentials for the bucket ${bucket}; ` +
      "give the storage an access key and a secret key.";
  }
  if (status === 403 || status === 401) {
    return `${host} denies access to the bucket ${bucket} (${name}); let the ` +
      "access key list, read, write and delete there.";
  }
  if (status === 301 || name === "AuthorizationHeaderMalformed") {
    return `The bucket ${bucket} is in another region or at another ` +
      `endpoint than ${host}; correct the storage settings.`;
  }
  if (status !== undefined && status >= 400) {
    return `${host} answered ${status} ${name} for the bucket ${bucket}; ` +
      "try again later.";
  }
  return `The storage at ${host} cannot be reached ` +
    `(${code ?? name}: ${quote(message)}); ` +
    "check its address and that it runs.";
}

function readFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return readFailure(new Error(String(error)));
  const { httpStatusCode, clockSkewCorrected = false } = metadataOf(error);
  return {
    name: error.name,
    message: error.message,
    status: httpStatusCode,
    code: codeOf(error),
    skewCorrected: clockSkewCorrected,
  };
}

/** The part of the SDK's errors that describes the server's response. */
const metadataSchema = z.object({
  $metadata: z.object({
    httpStatusCode: z.number().optional(),
    clockSkewCorrected: z.boolean().optional(),
  }),
});

function metadataOf(error: Error) {
  return metadataSchema.safeParse(error).data?.$metadata ?? {};
}

function codeOf(error: Error): string | undefined {
  return "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}
