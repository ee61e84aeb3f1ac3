/**
 * Errors for unusable storage: a plain sentence for clients, the reason with
 * paths and hosts for the operator.
 *
 * @module
 */

import { AppError, type AppErrorOptions } from "../errors.ts";

/** When clients may try again, in seconds. */
const RETRY_SECONDS = 5;

/** AppError `UNAVAILABLE`; `operator` says what is wrong and how to fix it. */
export function storageUnavailable(
  operator: string,
  options: Omit<AppErrorOptions, "operator" | "detail"> = {},
): AppError {
  return new AppError(
    "UNAVAILABLE",
    "The storage of this server cannot be used at the moment; try again later.",
    { retryAfterSeconds: RETRY_SECONDS, ...options, operator },
  );
}

/** AppError `STORAGE_FULL`; `operator` says where. */
export function storageFull(
  operator: string,
  options: ErrorOptions = {},
): AppError {
  return new AppError(
    "STORAGE_FULL",
    "The storage is full, nothing was stored; its operator must free space.",
    { ...options, operator },
  );
}
