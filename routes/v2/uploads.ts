/**
 * `/v2/<name>/blobs/uploads/…`: end-4, 5, 6, 11, 13 and 14 of the
 * distribution spec.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import type { Digest, DigestAlgorithm } from "../../lib/oci/digest.ts";
import { type ImageName } from "../../lib/oci/name.ts";
import {
  checkChunk,
  formatUploadRange,
  parseUploadRange,
} from "../../lib/oci/range.ts";
import type { RepoRef } from "../../lib/registry/manifests/manifest_index.ts";
import type { MountSource } from "../../lib/registry/mounts.ts";
import type { UploadChunk, UploadStatus } from "../../lib/registry/uploads.ts";
import { isAppError } from "../../lib/errors.ts";
import { empty } from "./answers.ts";
import { readableBy, readerOf, requireAction } from "./caller.ts";
import type { RepositoryRequest, V2Deps } from "./deps.ts";

/** The endpoint of a POST. */
export interface UploadStart {
  digest: Digest | undefined;
  algorithm: DigestAlgorithm;
  mount: { digest: Digest; from: ImageName | undefined } | undefined;
}

/** Opens an upload; receives the whole blob or mounts it if requested. */
export async function startUpload(
  deps: V2Deps,
  r: RepositoryRequest,
  start: UploadStart,
): Promise<Response> {
  const caller = requireAction(r.claims, "push", r.owner, r.repo);
  // Tokens outlive a deactivated account.
  await deps.owners.requireShown(r.owner, true);
  const ref = refOf(r);
  const holdDid = await deps.owners.holdForPush(r.owner, r.request.signal);
  if (start.mount && await mounted(deps, r, caller, holdDid, start.mount)) {
    return created(r, start.mount.digest);
  }
  const { digest, algorithm } = start;
  if (digest === undefined) {
    const { uploads } = deps;
    return accepted(r, await uploads.start(ref, caller, holdDid, algorithm));
  }
  const chunk = chunkOf(r.request);
  await deps.uploads.pushWhole(ref, caller, holdDid, digest, chunk);
  return created(r, digest);
}

/** Appends a chunk, or the whole blob as one stream. */
export async function patchUpload(
  deps: V2Deps,
  r: RepositoryRequest,
  id: string,
): Promise<Response> {
  const caller = requireAction(r.claims, "push", r.owner, r.repo);
  const chunk = chunkOf(r.request) ?? { body: emptyBody() };
  return accepted(r, await deps.uploads.append(refOf(r), caller, id, chunk));
}

/** Appends the last chunk, if any, and closes the upload. */
export async function putUpload(
  deps: V2Deps,
  r: RepositoryRequest,
  id: string,
  digest: Digest,
): Promise<Response> {
  const caller = requireAction(r.claims, "push", r.owner, r.repo);
  const chunk = chunkOf(r.request);
  await deps.uploads.finish(refOf(r), caller, id, digest, chunk);
  return created(r, digest);
}

/** Returns the status of an upload. */
export async function getUpload(
  deps: V2Deps,
  r: RepositoryRequest,
  id: string,
): Promise<Response> {
  const caller = requireAction(r.claims, "push", r.owner, r.repo);
  const status = await deps.uploads.status(refOf(r), caller, id);
  return empty(204, uploadHeaders(r, status));
}

/** Cancels an upload. */
export async function deleteUpload(
  deps: V2Deps,
  r: RepositoryRequest,
  id: string,
): Promise<Response> {
  const caller = requireAction(r.claims, "push", r.owner, r.repo);
  await deps.uploads.cancel(refOf(r), caller, id);
  return empty(204);
}

/** Tries to mount; on any failure an upload is opened instead. */
async function mounted(
  deps: V2Deps,
  r: RepositoryRequest,
  caller: Did,
  holdDid: Did,
  mount: NonNullable<UploadStart["mount"]>,
): Promise<boolean> {
  try {
    const from = mount.from
      ? {
        repositories: [await sourceOf(deps, r, mount.from)],
        orPublic: false,
      }
      : { repositories: readableBy(r.claims), orPublic: true };
    const ref = refOf(r);
    return await deps.mounts.mount(ref, caller, holdDid, mount.digest, from);
  } catch (error) {
    // The owner of the source may be unknown or unreachable.
    if (mount.from && isAppError(error) && error.code !== "DENIED") {
      return false;
    }
    throw error;
  }
}

/** The repository to mount from, and the account with which the caller reads there. */
async function sourceOf(
  deps: V2Deps,
  r: RepositoryRequest,
  from: ImageName,
): Promise<MountSource> {
  const owner = await deps.owners.resolve(from.owner.value, r.request);
  await deps.owners.requireShown(owner);
  const reader = readerOf(r.claims, owner, from.repository);
  return { did: owner.did, repo: from.repository, reader };
}

/** The body as a chunk; undefined when the request has none. */
function chunkOf(request: Request): UploadChunk | undefined {
  const length = request.headers.get("content-length");
  if (!request.body || length === "0") return undefined;
  const range = parseUploadRange(request.headers.get("content-range"));
  if (range && length !== null) {
    checkChunk(range, range.start, Number(length));
  }
  return {
    body: request.body,
    signal: request.signal,
    ...(length === null ? {} : { size: Number(length) }),
    ...(range ? { start: range.start } : {}),
  };
}

function emptyBody(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

function refOf(r: RepositoryRequest): RepoRef {
  return { did: r.owner.did, repo: r.repo };
}

function created(r: RepositoryRequest, digest: Digest): Response {
  return empty(201, {
    location: `${r.base}/blobs/${digest}`,
    "docker-content-digest": digest,
  });
}

function accepted(r: RepositoryRequest, status: UploadStatus): Response {
  return empty(202, uploadHeaders(r, status));
}

function uploadHeaders(
  r: RepositoryRequest,
  { id, offset }: UploadStatus,
): Record<string, string> {
  return {
    location: `${r.base}/blobs/uploads/${id}`,
    range: formatUploadRange(offset),
    "docker-upload-uuid": id,
  };
}
