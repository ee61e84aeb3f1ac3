/**
 * `/v2/<name>/blobs/<digest>`: end-2 and end-10 of the distribution spec.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import type { Digest } from "../../lib/oci/digest.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import {
  type ByteRange,
  formatContentRange,
  parseRange,
  rangeLength,
} from "../../lib/oci/range.ts";
import {
  contentHeaders,
  empty,
  isNotModified,
  notModified,
} from "./answers.ts";
import { readerOf, requireAction } from "./caller.ts";
import type { RepositoryRequest, V2Deps } from "./deps.ts";

const OCTETS = "application/octet-stream";

/** The client requested bytes beyond the blob; the response has its size. */
export class UnsatisfiedRangeError extends AppError {
  /** Bytes of the blob. */
  readonly size: number;

  constructor(message: string, size: number) {
    super("RANGE_INVALID", message);
    this.size = size;
  }
}

/** Handles HEAD from the index, never with a redirect. */
export async function headBlob(
  deps: V2Deps,
  r: RepositoryRequest,
  digest: Digest,
): Promise<Response> {
  const ref = { did: r.owner.did, repo: r.repo };
  const caller = readerOf(r.claims, r.owner, r.repo);
  const { size } = await deps.blobs.stat(ref, caller, digest);
  const headers = blobHeaders(digest, caller);
  if (isNotModified(r.request, digest)) return notModified(headers);
  return empty(200, { ...headers, "content-length": String(size) });
}

/** Streams the blob or a range of it, or redirects the client to the hold's storage. */
export async function getBlob(
  deps: V2Deps,
  r: RepositoryRequest,
  digest: Digest,
): Promise<Response> {
  const { request } = r;
  const ref = { did: r.owner.did, repo: r.repo };
  const caller = readerOf(r.claims, r.owner, r.repo);
  const headers = blobHeaders(digest, caller);
  if (isNotModified(request, digest)) {
    await deps.blobs.stat(ref, caller, digest);
    return notModified(headers);
  }
  const found = await deps.blobs.open(ref, caller, digest, {
    range: (size) => rangeOf(request, digest, size),
    signal: request.signal,
  });
  if (found.kind === "redirect") {
    return empty(307, {
      ...headers,
      "cache-control": "no-store",
      location: found.url,
    });
  }
  const { range } = found;
  return new Response(found.body, {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      "content-length": String(range ? rangeLength(range) : found.size),
      ...(range
        ? { "content-range": formatContentRange(range, found.size) }
        : {}),
    },
  });
}

/** Headers of GET and HEAD; `caller` is undefined if the blob is public. */
function blobHeaders(
  digest: Digest,
  caller: Did | undefined,
): Record<string, string> {
  return {
    ...contentHeaders(digest, { pinned: true, open: caller === undefined }),
    "accept-ranges": "bytes",
    "content-type": OCTETS,
  };
}

/** The requested range; none if the client started with other content (RFC 9110, If-Range). */
function rangeOf(
  request: Request,
  digest: Digest,
  size: number,
): ByteRange | undefined {
  const begun = request.headers.get("if-range");
  if (begun !== null && begun !== `"${digest}"`) return undefined;
  try {
    return parseRange(request.headers.get("range"), size);
  } catch (error) {
    if (!isAppError(error, "RANGE_INVALID")) throw error;
    throw new UnsatisfiedRangeError(error.message, size);
  }
}

/** Removes the blob from the repository. */
export async function deleteBlob(
  deps: V2Deps,
  r: RepositoryRequest,
  digest: Digest,
): Promise<Response> {
  requireAction(r.claims, "delete", r.owner, r.repo);
  await deps.blobs.unlink({ did: r.owner.did, repo: r.repo }, digest);
  return empty(202);
}
