/**
 * `com.atproto.sync.getBlob` for OCI digests: the layers of a hold, which are
 * not blobs of its repo.
 *
 * @module
 */

import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import { quotedEtag } from "../../../lib/etag.ts";
import type { HoldAccess } from "../../../lib/hold/access.ts";
import type { HoldBlobs } from "../../../lib/hold/blobs/blobs.ts";
import type { BlobUploaders } from "../../../lib/hold/blobs/uploaders.ts";
import type { ReadTickets } from "../../../lib/hold/blobs/read_tickets.ts";
import { type Digest, parseDigest } from "../../../lib/oci/digest.ts";
import {
  formatContentRange,
  formatUnsatisfiedRange,
  parseRange,
  rangeLength,
} from "../../../lib/oci/range.ts";
import type { ByteRange } from "../../../lib/storage/blob_store.ts";
import type { ServiceTokens } from "../callers.ts";

export interface BlobResponderDeps {
  tokens: ServiceTokens;
  access: HoldAccess;
  blobs: HoldBlobs;
  uploaders: Pick<BlobUploaders, "mayNeed">;
  tickets: ReadTickets;
  /** DID of this hold. */
  did: Did;
  /** Public origin of the hold. */
  baseUrl: string;
}

/** Handles one request for the blob with a digest. */
export type BlobResponder = (
  request: Request,
  digest: string,
) => Promise<Response>;

const LXM = "com.atproto.sync.getBlob";
const OCTETS = "application/octet-stream";

/**
 * Creates the handler of `getBlob` with a digest in `cid`. Readers of a private
 * hold send a service token for `com.atproto.sync.getBlob`, or the `ticket` of
 * a URL that we issued. With the parameter `method` (as sent by other
 * registries) the response is `{"url"}`, a URL that works without credentials
 * for a quarter of an hour; otherwise it is the bytes or a redirect to them.
 * The handler throws AppError `DIGEST_INVALID`, `UNAUTHORIZED`, `DENIED` or
 * `BLOB_UNKNOWN`.
 */
export function createBlobResponder(deps: BlobResponderDeps): BlobResponder {
  return async (request, text) => {
    const digest = parseDigest(text);
    const { searchParams } = new URL(request.url);
    const ticket = searchParams.get("ticket");
    const reader = await requireReader(deps, request, digest, ticket);
    const known = request.method === "HEAD"
      ? await deps.blobs.check(digest)
      : await deps.blobs.stat(digest);
    if (!known) throw unknownBlob(digest);
    // Registries ask so before a mount and before a manifest.
    const isAsked = request.method === "HEAD" ||
      searchParams.get("method") === "HEAD";
    if (isAsked && reader && (await deps.access.write(reader)).allowed) {
      await deps.uploaders.mayNeed(reader, [digest]);
    }
    if (searchParams.has("method")) {
      const url = await deps.blobs.presign(digest, { contentType: OCTETS }) ??
        await ownUrl(deps, digest, reader);
      return Response.json({ url });
    }
    if (request.method === "HEAD") {
      return new Response("", {
        headers: { ...headersOf(digest), "content-length": `${known.size}` },
      });
    }
    const url = await deps.blobs.presign(digest, { contentType: OCTETS });
    if (url !== undefined) {
      return new Response("", {
        status: 307,
        headers: { location: url, "cache-control": "no-store" },
      });
    }
    return await stream(deps, request, digest, known.size);
  };
}

async function stream(
  deps: BlobResponderDeps,
  request: Request,
  digest: Digest,
  size: number,
): Promise<Response> {
  let range: ByteRange | undefined;
  try {
    range = parseRange(request.headers.get("range"), size);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return new Response("", {
      status: error.spec.status,
      headers: { "content-range": formatUnsatisfiedRange(size) },
    });
  }
  const opened = await deps.blobs.open(digest, range, request.signal);
  if (!opened) throw unknownBlob(digest);
  return new Response(opened.body, {
    status: range ? 206 : 200,
    headers: {
      ...headersOf(digest),
      "content-length": String(range ? rangeLength(range) : size),
      ...(range ? { "content-range": formatContentRange(range, size) } : {}),
    },
  });
}

function headersOf(digest: Digest): Record<string, string> {
  return {
    "content-type": OCTETS,
    "docker-content-digest": digest,
    etag: quotedEtag(digest),
    "accept-ranges": "bytes",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
  };
}

/** A URL of this hold with a ticket. */
async function ownUrl(
  deps: BlobResponderDeps,
  digest: Digest,
  reader: Did | undefined,
): Promise<string> {
  const url = new URL(`/xrpc/${LXM}`, deps.baseUrl);
  url.searchParams.set("did", deps.did);
  url.searchParams.set("cid", digest);
  const anonymous = await deps.access.read(undefined);
  if (!anonymous.allowed) {
    url.searchParams.set("ticket", await deps.tickets.issue(digest, reader));
  }
  return url.href;
}

/** The reader; undefined without login. */
async function requireReader(
  deps: BlobResponderDeps,
  request: Request,
  digest: Digest,
  ticket: string | null,
): Promise<Did | undefined> {
  const { access, tokens, tickets } = deps;
  const ticketed = ticket === null
    ? undefined
    : await tickets.accept(ticket, digest);
  const authorization = request.headers.get("authorization") ?? undefined;
  const caller = ticketed || authorization === undefined
    ? ticketed?.reader
    : await tokens.verify(authorization, LXM);
  const decision = await access.read(caller);
  if (decision.allowed) return caller;
  throw new AppError(
    caller === undefined ? "UNAUTHORIZED" : "DENIED",
    decision.reason,
  );
}

function unknownBlob(digest: Digest): AppError {
  return new AppError("BLOB_UNKNOWN", `The hold has no blob ${digest}.`, {
    detail: { digest },
  });
}
