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
  parseRanges,
  rangeLength,
} from "../../lib/oci/range.ts";
import type { RepoRef } from "../../lib/registry/manifests/manifest_index.ts";
import {
  contentHeaders,
  empty,
  isNotModified,
  notModified,
} from "./answers.ts";
import { partsResponse } from "./blob_parts.ts";
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
  const { signal } = request;
  let ranges: readonly ByteRange[] = [];
  const found = await deps.blobs.open(ref, caller, digest, {
    range: (size) => {
      ranges = rangesOf(request, digest, size);
      return ranges[0];
    },
    signal,
  });
  if (found.kind === "redirect") {
    return empty(307, {
      ...headers,
      "cache-control": "no-store",
      location: found.url,
    });
  }
  const { range, size } = found;
  if (ranges.length > 1) {
    const open = (part: ByteRange) =>
      openPart(deps, ref, caller, digest, { range: part, size, signal });
    const whole = { size, ranges, type: OCTETS, headers };
    return partsResponse(whole, found.body, open);
  }
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

/** Opens a further range of a blob whose first one is being sent. */
async function openPart(
  deps: V2Deps,
  ref: RepoRef,
  caller: Did | undefined,
  digest: Digest,
  { range, size, signal }: {
    range: ByteRange;
    size: number;
    signal: AbortSignal;
  },
): Promise<ReadableStream<Uint8Array>> {
  const part = await deps.blobs.open(ref, caller, digest, {
    range: () => range,
    signal,
  });
  if (part.kind === "stream" && part.size === size) return part.body;
  if (part.kind === "stream") await part.body.cancel();
  throw new AppError(
    "UNAVAILABLE",
    `The blob ${digest} moved while it was sent. Try again.`,
  );
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
    // Browsers that open the address show no page.
    "x-content-type-options": "nosniff",
  };
}

/** The requested ranges; none if the client started with other content (RFC 9110, If-Range). */
function rangesOf(
  request: Request,
  digest: Digest,
  size: number,
): readonly ByteRange[] {
  const begun = request.headers.get("if-range");
  if (begun !== null && begun !== `"${digest}"`) return [];
  const header = request.headers.get("range");
  try {
    const range = parseRange(header, size);
    return range ? [range] : parseRanges(header, size) ?? [];
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
  const ref = { did: r.owner.did, repo: r.repo };
  await deps.blobs.unlink(ref, digest, r.request.signal);
  return empty(202);
}
