/**
 * What a DID is: the one definition, with one spelling, for rows, records,
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
  /^did:web:(?:localhost(?:(?:%3[Aa]|:)([0-9]{1,5}))?|([a-z0-9-]+(?:\.[a-z0-9-]+)+))$/i;

/**
 * Returns the DID in its canonical spelling (host in lower case, the port of
 * localhost after `%3A`), or undefined when `text` is no `did:plc` or `did:web`
 * of the kinds that the network uses: a did:web has no path, and a port on
 * localhost only.
 */
export function parseDid(text: string): Did | undefined {
  if (PLC.test(text)) return text as Did;
  const web = WEB.exec(text);
  if (!web || !isValidDid(text)) return undefined;
  const [, port, host] = web;
  if (Number(port) > 65_535) return undefined;
  if (host !== undefined) return `did:web:${host.toLowerCase()}`;
  return port === undefined
    ? "did:web:localhost"
    : `did:web:localhost%3A${port}`;
}

/** A DID in a record or a request. */
export const didSchema = z.custom<Did>(
  (value) => typeof value === "string" && isValidDid(value),
  "must be a DID",
);
