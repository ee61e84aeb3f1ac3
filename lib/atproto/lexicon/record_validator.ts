/**
 * Validates records written to a hold's repo: those of `io.atcr.*` and
 * `app.bsky.*` must conform to their lexicons.
 *
 * @module
 */

import type { Lexicons } from "@atproto/lexicon";
import { isValidNsid, isValidTid } from "@atproto/syntax";
import { AppError } from "../../errors.ts";
import { quote } from "../../text.ts";
import { validateRecord, type Validation } from "./lexicon.ts";
import { lexicons as OWN_LEXICONS } from "./lexicons.ts";

/**
 * Throws AppError `INVALID_REQUEST` (`InvalidRecord`) with the reason when
 * `value` is not a valid record of `nsid`, or `rkey` does not match the key
 * type (`literal:self`, `tid`). An unknown `io.atcr.*` is not valid. For an
 * `app.bsky.*` newer than our lexicons, and for all other collections, only
 * `$type` is checked.
 */
export async function assertRecord(
  nsid: string,
  rkey: string,
  value: unknown,
): Promise<void> {
  const lexicons = await lexiconsOf(nsid);
  const main = lexicons?.getDef(nsid);
  if (main?.type === "record") assertKey(nsid, main.key ?? "any", rkey);
  const isUnknown = main === undefined && lexicons !== OWN_LEXICONS;
  const found = lexicons === undefined || isUnknown
    ? hasType(nsid, value)
    : validateRecord(nsid, value, lexicons);
  if (found.valid) return;
  refuse(`The record is not a valid ${nsid}: ${found.reason}.`);
}

/** The lexicons with `nsid`; undefined when it belongs to another authority. */
async function lexiconsOf(nsid: string): Promise<Lexicons | undefined> {
  if (nsid.startsWith("io.atcr.")) return OWN_LEXICONS;
  if (!nsid.startsWith("app.bsky.")) return undefined;
  // Loaded lazily: it is large and most holds never need it.
  return (await import("@atproto/api")).lexicons;
}

function assertKey(nsid: string, type: string, rkey: string): void {
  const fits = type === "tid"
    ? isValidTid(rkey)
    : type === "nsid"
    ? isValidNsid(rkey)
    : !type.startsWith("literal:") || type === `literal:${rkey}`;
  if (!fits) {
    refuse(
      `${quote(rkey)} is not a key of a ${nsid}; its lexicon says ${type}.`,
    );
  }
}

function hasType(nsid: string, value: unknown): Validation {
  const isRight = typeof value === "object" && value !== null &&
    "$type" in value && value.$type === nsid;
  return isRight
    ? { valid: true }
    : { valid: false, reason: `its $type must be ${nsid}` };
}

function refuse(message: string): never {
  throw new AppError("INVALID_REQUEST", message, { xrpc: "InvalidRecord" });
}
