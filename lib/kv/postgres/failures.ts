/**
 * What an error of PostgreSQL means for a call of the store.
 *
 * @module
 */

import { AppError } from "../../errors.ts";

/** How a call may go on after an error. */
export type Outcome =
  /** The server did nothing: the call may be repeated. */
  | "nothing done"
  /** The connection is gone; a commit may have been applied. */
  | "unknown"
  /** Repeating does not help. */
  | "final";

/** SQLSTATEs after which the server has certainly done nothing. */
const NOTHING_DONE = new Set([
  "25006", // read-only: the server became a standby
  "40001", // serialization failure
  "40P01", // deadlock
  "53300", // too many connections
  "57P03", // starting up or shutting down
]);

/** SQLSTATEs that end the connection: terminated, crashed. */
const CONNECTION_ENDED = new Set(["57P01", "57P02", "57P05"]);

const DISK_FULL = "53100";

/** Classifies an error of a statement that was sent. */
export function outcomeOf(error: unknown): Outcome {
  const state = stateOf(error);
  if (state === undefined) return "unknown";
  if (NOTHING_DONE.has(state)) return "nothing done";
  const isGone = CONNECTION_ENDED.has(state) || state.startsWith("08");
  return isGone ? "unknown" : "final";
}

/** Whether to try again after an error of connecting; a wrong password is not. */
export function isConnectingWorthwhile(error: unknown): boolean {
  const state = stateOf(error);
  if (state === undefined) return !isAppError(error) && !isCertificate(error);
  return outcomeOf(error) !== "final";
}

/** The error for the callers of the store. */
export function translated(error: unknown): unknown {
  if (isAppError(error)) return error;
  const state = stateOf(error);
  if (state === DISK_FULL) {
    return new AppError(
      "STORAGE_FULL",
      "The disk of the key-value store is full, nothing was stored; its operator must free space.",
      { cause: error },
    );
  }
  if (state !== undefined && outcomeOf(error) === "final") {
    return new AppError(
      "INTERNAL",
      "The key-value store refused a request of this server.",
      { cause: error, operator: `PostgreSQL: ${messageOf(error)}` },
    );
  }
  return new AppError(
    "UNAVAILABLE",
    "The key-value store does not answer; try again in a while",
    {
      cause: error,
      retryAfterSeconds: 5,
      operator: `PostgreSQL cannot be used: ${messageOf(error)}`,
    },
  );
}

/** The SQLSTATE of an error that the server sent. */
function stateOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  const { code } = error;
  // Errors of the network have codes too, such as ECONNREFUSED.
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) &&
      /\d/.test(code)
    ? code
    : undefined;
}

function isCertificate(error: unknown): boolean {
  return /certificate|self.signed|altnames/i.test(messageOf(error));
}

function isAppError(error: unknown): boolean {
  return error instanceof AppError;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
