/**
 * The OCI distribution API: one entry point that parses the path, authenticates
 * the caller, and dispatches to the resource.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { TokenClaims } from "../../lib/auth/registry_tokens.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import { formatImageName, type ImageName } from "../../lib/oci/name.ts";
import { formatUnsatisfiedRange } from "../../lib/oci/range.ts";
import { formatBearerChallenge } from "../../lib/oci/www_authenticate.ts";
import type { AppEnv } from "../middleware.ts";
import { json } from "./answers.ts";
import {
  deleteBlob,
  getBlob,
  headBlob,
  UnsatisfiedRangeError,
} from "./blobs.ts";
import { ChallengeError, claimsOf } from "./caller.ts";
import type { RepositoryRequest, V2Deps, V2Request } from "./deps.ts";
import type { Endpoint } from "./endpoint.ts";
import {
  discoverExtensions,
  listCatalog,
  listReferrers,
  listTags,
  referrersPage,
} from "./lists.ts";
import { deleteManifest, putManifest, readManifest } from "./manifests.ts";
import { parseV2Path } from "./path.ts";
import {
  deleteUpload,
  getUpload,
  patchUpload,
  putUpload,
  startUpload,
} from "./uploads.ts";

/** Serves everything below `/v2/`. */
export function v2Routes(deps: V2Deps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const handler = async (c: Context<AppEnv>) => {
    const { method } = c.req;
    let endpoint: Endpoint | undefined;
    let claims: TokenClaims | undefined;
    try {
      const url = new URL(c.req.raw.url);
      endpoint = parseV2Path(method, url.pathname, url.searchParams);
      claims = await claimsOf(c.req.raw, deps.tokens);
      const admit = claims?.did === undefined
        ? () => deps.admitLookUp(c)
        : () => Promise.resolve();
      const r = { request: c.req.raw, claims, admit };
      return await answer(deps, r, endpoint);
    } catch (thrown) {
      const error = withReason(withoutChallenge(thrown, claims), method);
      if (isAppError(error, "UNAUTHORIZED")) {
        const header = challenge(deps, c.req.raw, endpoint, error);
        c.set("errorHeaders", { "www-authenticate": header });
      }
      if (error instanceof UnsatisfiedRangeError) {
        const header = formatUnsatisfiedRange(error.size);
        c.set("errorHeaders", { "content-range": header });
      }
      throw error;
    }
  };
  app.all("/v2", handler);
  app.all("/v2/*", handler);
  return app;
}

/**
 * A caller with a valid token needs no other one when the PDS session has
 * ended: clients would request one in vain and not show the reason.
 */
function withoutChallenge(
  error: unknown,
  claims: TokenClaims | undefined,
): unknown {
  const isAboutToken = error instanceof ChallengeError ||
    claims?.did === undefined;
  if (isAboutToken || !isAppError(error, "UNAUTHORIZED")) return error;
  return new AppError("DENIED", error.message, { cause: error });
}

/**
 * Clients begin a push with HEAD, whose response has no body. After a 404 they
 * go on, and receive the reason; after another status they end without one.
 */
function withReason(error: unknown, method: string): unknown {
  if (method !== "HEAD" || !isAppError(error, "NAME_INVALID")) return error;
  return new AppError("NAME_UNKNOWN", error.message, { cause: error });
}

async function answer(
  deps: V2Deps,
  request: V2Request,
  endpoint: Endpoint,
): Promise<Response> {
  switch (endpoint.kind) {
    case "base":
      if (!request.claims) throw new ChallengeError("Log in first.", false);
      return json({});
    case "catalog":
      return await listCatalog(deps, request, endpoint.page);
    case "discover":
      return discoverExtensions();
  }
  try {
    const r = await repositoryRequest(deps, request, endpoint.name);
    return await answerCurrent(deps, r, endpoint);
  } catch (error) {
    // The list of referrers must never be missing, for any owner.
    if (endpoint.kind !== "referrers" || !isAppError(error, "NAME_UNKNOWN")) {
      throw error;
    }
    return referrersPage([], endpoint.artifactTypes);
  }
}

/** Errors that may be caused by an owner cached before a move or a change of handles. */
const MAY_HAVE_CHANGED = [
  "BLOB_UNKNOWN",
  "DENIED",
  "MANIFEST_UNKNOWN",
  "NAME_UNKNOWN",
] as const;

/** Handles the request, and resolves the owner again before a refusal. */
async function answerCurrent(
  deps: V2Deps,
  r: RepositoryRequest,
  endpoint: RepositoryEndpoint,
): Promise<Response> {
  try {
    return await answerRepository(deps, r, endpoint);
  } catch (error) {
    const { request, owner } = r;
    if (!isAppError(error, ...MAY_HAVE_CHANGED) || request.bodyUsed) {
      throw error;
    }
    const { value } = endpoint.name.owner;
    const now = await deps.owners.changed(value, owner, request);
    if (!now) throw error;
    return await answerRepository(deps, { ...r, owner: now }, endpoint);
  }
}

/** An endpoint below the name of a repository. */
type RepositoryEndpoint = Exclude<
  Endpoint,
  { kind: "base" | "catalog" | "discover" }
>;

async function answerRepository(
  deps: V2Deps,
  r: RepositoryRequest,
  endpoint: RepositoryEndpoint,
): Promise<Response> {
  if (isRead(endpoint)) await deps.owners.requireShown(r.owner);
  switch (endpoint.kind) {
    case "tags":
      return await listTags(deps, r, endpoint.page);
    case "referrers":
      return await listReferrers(deps, r, endpoint.digest, endpoint);
    case "upload_start":
      return await startUpload(deps, r, endpoint);
    case "upload":
      return await answerUpload(deps, r, endpoint);
    case "blob":
      if (endpoint.method === "DELETE") {
        return await deleteBlob(deps, r, endpoint.digest);
      }
      return endpoint.method === "HEAD"
        ? await headBlob(deps, r, endpoint.digest)
        : await getBlob(deps, r, endpoint.digest);
    case "manifest":
      if (endpoint.method === "PUT") {
        return await putManifest(deps, r, endpoint.reference, endpoint.tags);
      }
      return endpoint.method === "DELETE"
        ? await deleteManifest(deps, r, endpoint.reference)
        : await readManifest(deps, r, endpoint.reference);
  }
}

/** Whether content of the owner is requested. */
function isRead({ kind, method }: RepositoryEndpoint): boolean {
  return !kind.startsWith("upload") && (method === "GET" || method === "HEAD");
}

async function answerUpload(
  deps: V2Deps,
  r: RepositoryRequest,
  endpoint: Endpoint & { kind: "upload" },
): Promise<Response> {
  switch (endpoint.method) {
    case "PATCH":
      return await patchUpload(deps, r, endpoint.id);
    case "PUT":
      return await putUpload(deps, r, endpoint.id, endpoint.digest);
    case "DELETE":
      return await deleteUpload(deps, r, endpoint.id);
    default:
      return await getUpload(deps, r, endpoint.id);
  }
}

/**
 * How the owner of a repository is looked up. The signal is created lazily,
 * because it is expensive. A class: each object literal with a getter would get
 * a hidden class of its own, which holds the request until a full garbage
 * collection.
 */
class OwnerLookUp {
  readonly #request: Request;
  readonly beforeAsking: () => Promise<void>;

  constructor({ request, admit }: V2Request) {
    this.#request = request;
    this.beforeAsking = admit;
  }

  get signal(): AbortSignal {
    return this.#request.signal;
  }
}

async function repositoryRequest(
  deps: V2Deps,
  r: V2Request,
  name: ImageName,
): Promise<RepositoryRequest> {
  const lookUp = new OwnerLookUp(r);
  const owner = await deps.owners.resolve(name.owner.value, lookUp);
  return {
    ...r,
    owner,
    repo: name.repository,
    base: `/v2/${formatImageName(name)}`,
  };
}

/** Sends the client to the token endpoint with the scope that this request needs. */
function challenge(
  deps: V2Deps,
  request: Request,
  endpoint: Endpoint | undefined,
  error: Error,
): string {
  const name = endpoint && "name" in endpoint ? endpoint.name : undefined;
  const insufficient = error instanceof ChallengeError &&
    error.insufficientScope;
  return formatBearerChallenge({
    realm: `${deps.origin(request)}/auth/token`,
    service: deps.tokens.service,
    scope: endpoint?.kind === "catalog"
      ? "registry:catalog:*"
      : name && `repository:${formatImageName(name)}:${actionsFor(endpoint)}`,
    error: insufficient ? "insufficient_scope" : undefined,
  });
}

/** Actions that an endpoint needs, in the form of a scope. */
function actionsFor(endpoint: Endpoint | undefined): string {
  switch (endpoint?.kind) {
    case "upload_start":
    case "upload":
      return "pull,push";
    case "manifest":
    case "blob":
      if (endpoint.method === "DELETE") return "delete";
      return endpoint.method === "PUT" ? "pull,push" : "pull";
    default:
      return "pull";
  }
}
