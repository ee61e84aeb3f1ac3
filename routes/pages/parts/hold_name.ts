/**
 * Names of holds, and what people type for them.
 *
 * @module
 */

import { isValidHandle } from "@atproto/syntax";
import type { Identity } from "../../../lib/atproto/identity/identity.ts";
import { type Did, parseDid } from "../../../lib/did.ts";
import { AppError, isAppError } from "../../../lib/errors.ts";
import { quote } from "../../../lib/text.ts";

const WEB = "did:web:";
const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?(?::\d{1,5})?$/i;

type Resolve = (identifier: string) => Promise<Identity>;

/** The name of a hold without a request: its host, or its DID. */
export function hostOfHold(hold: Did): string {
  return hold.startsWith(WEB)
    ? hold.slice(WEB.length).replaceAll(/%3a/gi, ":")
    : hold;
}

/** The hold's host, or its handle, or its DID where that cannot be found out. */
export async function holdName(resolve: Resolve, hold: Did): Promise<string> {
  if (hold.startsWith(WEB)) return hostOfHold(hold);
  try {
    return (await resolve(hold)).handle ?? hold;
  } catch (error) {
    if (isAppError(error)) return hold;
    throw error;
  }
}

/**
 * The hold that a text names: a DID, a handle, a host or an address. A host is
 * a hold's did:web where no handle leads elsewhere. Throws AppError
 * `INVALID_REQUEST` for anything else.
 */
export async function holdOfText(resolve: Resolve, text: string): Promise<Did> {
  const wanted = text.trim().replace(/^@/, "");
  const did = parseDid(wanted);
  if (did !== undefined) return did;
  const host = URL.parse(wanted)?.host || wanted;
  if (!HOST.test(host)) {
    throw new AppError(
      "INVALID_REQUEST",
      `${quote(text)} is no hold: write its host, its handle or its DID.`,
    );
  }
  if (isValidHandle(host)) {
    try {
      return (await resolve(host)).did;
    } catch (error) {
      if (!isAppError(error)) throw error;
    }
  }
  return `${WEB}${host.toLowerCase().replace(":", "%3A")}`;
}
