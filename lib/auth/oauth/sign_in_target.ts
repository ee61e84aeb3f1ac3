/**
 * Determines where a user wants to sign in from what they typed.
 *
 * @module
 */

import { isValidHandle } from "@atproto/syntax";
import type { Did } from "../../did.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type {
  Identity,
  IdentityResolver,
} from "../../atproto/identity/identity.ts";
import { AppError, isAppError } from "../../errors.ts";

export interface SignInTargetDeps {
  fetch: GuardedFetch;
  identities: IdentityResolver;
  /** Origins that may be reached over plain http: the sandbox's. */
  plainOrigins: readonly string[];
}

/** Where to sign in, and the expected account. */
export interface SignInTarget {
  /** A DID, or the origin of a PDS. */
  readonly input: string;
  /** Undefined when only the PDS is known. */
  readonly expected: Did | undefined;
}

/** Documents of which a PDS or its entryway has one (atproto specification, "OAuth"). */
const METADATA = ["oauth-protected-resource", "oauth-authorization-server"];

/** Errors of resolving a host name that is not a handle. */
const MAY_BE_SERVER = [
  "NAME_UNKNOWN",
  "UPSTREAM_FAILED",
  "UPSTREAM_TIMEOUT",
] as const;

/** Timeout of the check whether a host is a PDS, in milliseconds. */
const PROBE_MS = 5_000;

/**
 * Parses a handle (with or without `@`), a DID, or the URL or host of a PDS.
 * Throws AppError `INVALID_REQUEST` when it is none of these, `NAME_UNKNOWN`
 * when there is no such account, and the errors of resolving one.
 */
export async function signInTarget(
  typed: string,
  deps: SignInTargetDeps,
): Promise<SignInTarget> {
  // Copied handles may contain invisible bidirectional marks.
  const text = typed.slice(0, 2048).replace(/[\p{C}\p{Z}]/gu, "")
    .replace(/^(?:@|at:\/\/)/, "");
  const server = serverAt(text, deps.plainOrigins);
  if (text.startsWith("did:") || isValidHandle(text)) {
    try {
      const { did } = await currentIdentity(deps.identities, text);
      return { input: did, expected: did };
    } catch (error) {
      // Not an account, but it may be the host of a PDS.
      const maybe = isAppError(error, ...MAY_BE_SERVER) && server !== undefined;
      if (!maybe || !await isServer(server, deps.fetch)) throw error;
    }
  }
  if (server !== undefined) return { input: server, expected: undefined };
  throw new AppError(
    "INVALID_REQUEST",
    `"${
      text.slice(0, 100)
    }" is neither a handle such as alice.example.com nor a DID or the address of a PDS.`,
  );
}

/**
 * Resolves the account again, so that users are not sent to a PDS that it has
 * left; returns the cached identity while the network fails.
 */
async function currentIdentity(
  identities: IdentityResolver,
  name: string,
): Promise<Identity> {
  try {
    return await identities.resolve(name, { fresh: true });
  } catch (error) {
    if (!isAppError(error, "UPSTREAM_FAILED", "UPSTREAM_TIMEOUT")) throw error;
    return await identities.resolve(name);
  }
}

/** The origin of a server given by its host or URL; https without a scheme. */
function serverAt(
  text: string,
  plainOrigins: readonly string[],
): string | undefined {
  const url = URL.parse(/^https?:\/\//.test(text) ? text : `https://${text}`);
  if (!url || url.username !== "" || url.password !== "") return undefined;
  const plain = plainOrigins.find((origin) =>
    new URL(origin).host === url.host
  );
  if (plain !== undefined) return plain;
  return url.protocol === "https:" && url.hostname.includes(".")
    ? url.origin
    : undefined;
}

/** Whether there is a PDS at the origin, or an entryway, which signs in for several. */
async function isServer(
  origin: string,
  fetch: GuardedFetch,
): Promise<boolean> {
  for (const name of METADATA) {
    try {
      const address = `${origin}/.well-known/${name}`;
      const response = await fetch(address, { timeoutMs: PROBE_MS });
      await response.body?.cancel();
      if (response.ok) return true;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }
  return false;
}
