/**
 * The only definition of a DID, in one canonical spelling, for rows, records,
 * settings and requests.
 *
 * @module
 */

import { isValidDid } from "@atproto/syntax";
import { z } from "zod";

/** A DID (`did:plc:…` or `did:web:…`) in its canonical spelling. */
export type Did = `did:${string}:${string}`;

const PLC = /^did:plc:[a-z2-7]{24}$/;
// A host with a dot, or localhost with or without a port (atproto, "DID", did:web).
const WEB =
  /^did:web:(?:(localhost|127\.0\.0\.1)(?:(?:%3[Aa]|:)([0-9]{1,5}))?|([a-z0-9-]+(?:\.[a-z0-9-]+)+))$/i;

/** Maximum characters of a host (RFC 1035, 2.3.4). */
const MAX_HOST = 253;

/**
 * Returns the DID in its canonical spelling (host in lower case, a port after
 * `%3A`), or undefined when `text` is not a `did:plc` or `did:web` as AT
 * Protocol allows them: a did:web has no path, and a port only on localhost.
 */
export function parseDid(text: string): Did | undefined {
  if (PLC.test(text)) return text as Did;
  const web = WEB.exec(text);
  if (!web || !isValidDid(text)) return undefined;
  const [, local, port, name] = web;
  if (Number(port) > 65_535) return undefined;
  const suffix = port === undefined ? "" : `%3A${port}`;
  const host = (local ?? name ?? "").toLowerCase();
  if (host.length > MAX_HOST) return undefined;
  return `did:web:${host}${suffix}`;
}

/** Schema of a DID in a record or a request; transforms it into its canonical spelling. */
export const didSchema = z.string().transform((text, context): Did => {
  const did = parseDid(text);
  if (did !== undefined) return did;
  context.addIssue({ code: "custom", message: "must be a DID" });
  return z.NEVER;
});

/** Schema of a DID in a row that this program wrote; leaves it unchanged. */
export const storedDidSchema = z.custom<Did>(
  (value) => typeof value === "string" && parseDid(value) !== undefined,
  "must be a DID",
);
