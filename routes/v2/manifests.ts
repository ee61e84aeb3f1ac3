/**
 * `/v2/<name>/manifests/<reference>`: end-3, 7 and 9 of the distribution spec.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import type { PdsSession } from "../../lib/atproto/pds/pds.ts";
import type { Reference } from "../../lib/oci/name.ts";
import { readBody } from "../read_body.ts";
import {
  contentHeaders,
  empty,
  isNotModified,
  notModified,
} from "./answers.ts";
import { clientOf, mayPush, readerOf, requireAction } from "./caller.ts";
import type { RepositoryRequest, V2Deps } from "./deps.ts";

/** Returns the stored bytes and type for GET and HEAD, regardless of `Accept`. */
export async function readManifest(
  deps: V2Deps,
  r: RepositoryRequest,
  reference: Reference,
): Promise<Response> {
  const { owner, repo, request } = r;
  const caller = readerOf(r.claims, owner, repo);
  const info = await deps.manifests.resolve(
    owner,
    repo,
    reference,
    caller,
    {
      admit: r.admit,
      confirm: request.method === "HEAD" && mayPush(r.claims, owner, repo),
    },
  );
  const headers = {
    ...contentHeaders(info.digest, {
      pinned: reference.kind === "digest",
      open: caller === undefined,
    }),
    "content-type": info.mediaType,
    "content-length": String(info.size),
  };
  if (isNotModified(request, info.digest)) return notModified(headers);
  const asked = {
    ...{ ref: { did: owner.did, repo }, reference, caller },
    client: clientOf(request),
  };
  if (request.method === "HEAD") {
    deps.pulls.looked(asked, info);
    return empty(200, headers);
  }
  const bytes = await deps.manifests.bytes(owner, repo, info.digest);
  await deps.pulls.pulled(asked, info);
  return new Response(bytes, { headers });
}

/** Stores a manifest under a tag, a digest, or a digest with tags. */
export async function putManifest(
  deps: V2Deps,
  r: RepositoryRequest,
  reference: Reference,
  tags: readonly string[],
): Promise<Response> {
  const caller = requireAction(r.claims, "push", r.owner, r.repo);
  const { request } = r;
  const bytes = await readBody(request, deps.maxManifestBytes, "manifest");
  const all = reference.kind === "tag" ? [reference.tag, ...tags] : tags;
  const result = await deps.push.put(
    r.owner,
    r.repo,
    await sessionOf(deps, caller),
    {
      bytes,
      contentType: request.headers.get("content-type") ?? undefined,
      digest: reference.kind === "digest" ? reference.digest : undefined,
      tags: [...new Set(all)],
    },
    request.signal,
  );
  const response = empty(201, {
    location: `${r.base}/manifests/${result.digest}`,
    "docker-content-digest": result.digest,
    ...(result.subject ? { "oci-subject": result.subject } : {}),
  });
  for (const tag of tags) response.headers.append("oci-tag", tag);
  return response;
}

/** Deletes a tag, or a manifest with its tags. */
export async function deleteManifest(
  deps: V2Deps,
  r: RepositoryRequest,
  reference: Reference,
): Promise<Response> {
  const caller = requireAction(r.claims, "delete", r.owner, r.repo);
  const session = await sessionOf(deps, caller);
  await deps.manifests.delete(
    r.owner,
    r.repo,
    session,
    reference,
    r.request.signal,
  );
  return empty(202);
}

/** The caller's session at the PDS, without which no record can be written. */
async function sessionOf(deps: V2Deps, caller: Did): Promise<PdsSession> {
  const session = await deps.session(caller);
  if (session) return session;
  throw new AppError(
    "UNAUTHORIZED",
    "The connection to your PDS has ended, or your account has moved to another PDS. Sign in on the web page of this registry once, or run docker login with an app password.",
  );
}
