/**
 * `WWW-Authenticate` and `Authorization` as registries and their clients use
 * them (RFC 9110 section 11, RFC 7617, RFC 6750).
 *
 * @module
 */

import { AppError } from "../errors.ts";
import { quote } from "../text.ts";

/** A challenge: how a client gets a token. */
export interface BearerChallenge {
  /** URL of the token endpoint. */
  readonly realm: string;
  /** Name of this registry for the token endpoint. */
  readonly service: string;
  /** Required scopes, space-separated; see `scope.ts`. */
  readonly scope?: string | undefined;
  readonly error?: "invalid_token" | "insufficient_scope" | undefined;
}

/** Credentials of a request. */
export type Credentials =
  | {
    readonly scheme: "basic";
    readonly username: string;
    readonly password: string;
  }
  | { readonly scheme: "bearer"; readonly token: string };

const CREDENTIALS =
  /^[ \t]*([A-Za-z][A-Za-z0-9._-]*)[ \t]+([\x21-\x7e]+)[ \t]*$/;
const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/;
const DID_USERNAME = /^did:(?:plc|web):[^:]*/;

/** A longer `Authorization` is refused unread. */
const MAX_HEADER_LENGTH = 16 * 1024;

/** Builds the Bearer challenge of a 401, with parameters in the usual order. */
export function formatBearerChallenge(challenge: BearerChallenge): string {
  const params = [
    ["realm", challenge.realm],
    ["service", challenge.service],
    ["scope", challenge.scope],
    ["error", challenge.error],
  ] as const;
  const written = params.flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${quotedString(value)}`]
  );
  return `Bearer ${written.join(",")}`;
}

/**
 * Parses `Authorization`: Basic in UTF-8 or Bearer; undefined without header. A
 * Basic user name ends at the first colon, except for a DID:
 * `did:plc:abc:secret` is the DID and `secret`.
 *
 * Throws AppError `UNAUTHORIZED` when the header is malformed or has another
 * scheme. Messages never contain its content.
 */
export function parseAuthorization(
  header: string | null | undefined,
): Credentials | undefined {
  if (header === null || header === undefined || header === "") {
    return undefined;
  }
  if (header.length > MAX_HEADER_LENGTH) {
    throw unauthorized("The Authorization header is too long.");
  }
  const match = CREDENTIALS.exec(header);
  const [, scheme = "", value = ""] = match ?? [];
  switch (scheme.toLowerCase()) {
    case "bearer":
      if (TOKEN68.test(value)) return { scheme: "bearer", token: value };
      throw unauthorized("The Bearer token is malformed; sign in again.");
    case "basic":
      return parseBasic(value);
    case "":
      throw unauthorized(
        "The Authorization header is malformed; send Basic or Bearer credentials.",
      );
    default:
      throw unauthorized(
        `The authorization scheme ${quote(scheme)} is not supported; ` +
          "send Basic or Bearer credentials.",
      );
  }
}

function parseBasic(value: string): Credentials {
  const text = decodeBasic(value);
  const did = text === undefined ? null : DID_USERNAME.exec(text);
  const colon = text?.indexOf(":", did?.[0].length ?? 0) ?? -1;
  if (text === undefined || colon < 0 || /\p{Cc}/u.test(text)) {
    throw unauthorized(
      "The Basic credentials are malformed; send user name, colon and " +
        "password, in UTF-8 and Base64.",
    );
  }
  return {
    scheme: "basic",
    username: text.slice(0, colon),
    password: text.slice(colon + 1),
  };
}

function decodeBasic(value: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(value), (byte) => byte.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    // atob throws a DOMException, the decoder a TypeError.
    if (error instanceof DOMException || error instanceof TypeError) {
      return undefined;
    }
    throw error;
  }
}

/**
 * Formats `value` as quoted string (RFC 9110, section 5.6.4). Characters that a
 * header cannot carry (control characters, everything outside ASCII) become
 * `?`.
 */
function quotedString(value: string): string {
  const plain = value.replace(/[^\x20-\x7e]/g, "?");
  return `"${plain.replace(/["\\]/g, "\\$&")}"`;
}

function unauthorized(message: string): AppError {
  return new AppError("UNAUTHORIZED", message);
}
