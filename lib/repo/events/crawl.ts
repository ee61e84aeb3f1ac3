/**
 * Requests relays to crawl the repo's events (`com.atproto.sync.requestCrawl`).
 *
 * @module
 */

import { foreignText } from "../../text.ts";
import { isIP } from "node:net";
import { z } from "zod";
import { AppError, isAppError, operatorMessage } from "../../errors.ts";

/** Guarded `fetch` for URLs that this server chooses. */
export type Fetcher = (url: URL, init: RequestInit) => Promise<Response>;

/** A relay's response. */
export interface CrawlAnswer {
  /** Host of the relay. */
  readonly relay: string;
  readonly accepted: boolean;
  /** Why not, in the relay's own words if it gave any. */
  readonly reason?: string;
}

const errorBody = z.object({ message: z.string().max(1000) });

/**
 * Requests each of `relays` (host names) to crawl the PDS at `origin`. Call it
 * at every start, because relays forget hosts that were offline for long.
 * Throws AppError `INVALID_REQUEST` when a relay cannot reach `origin`: it must
 * be https, with a public name and no port. A relay that cannot be reached is a
 * result, not an error.
 */
export async function requestCrawl(
  fetch: Fetcher,
  relays: readonly string[],
  origin: string,
): Promise<CrawlAnswer[]> {
  const { protocol, host, hostname } = new URL(origin);
  const isPublic = protocol === "https:" && host === hostname &&
    hostname.includes(".") && isIP(hostname) === 0;
  if (!isPublic) {
    throw new AppError(
      "INVALID_REQUEST",
      `No relay can crawl ${origin}; it needs an https address with a public name and without a port.`,
    );
  }
  return await Promise.all(relays.map((relay) => ask(fetch, relay, hostname)));
}

async function ask(
  fetch: Fetcher,
  relay: string,
  hostname: string,
): Promise<CrawlAnswer> {
  const url = new URL(
    "/xrpc/com.atproto.sync.requestCrawl",
    `https://${relay}`,
  );
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ hostname }),
    });
    const text = await response.text();
    if (response.ok) return { relay, accepted: true };
    return { relay, accepted: false, reason: reasonIn(text, response.status) };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { relay, accepted: false, reason: operatorMessage(error) };
  }
}

function reasonIn(text: string, status: number): string {
  try {
    return foreignText(errorBody.parse(JSON.parse(text)).message);
  } catch {
    return `The relay answered ${status}.`; // It was not an XRPC error.
  }
}
