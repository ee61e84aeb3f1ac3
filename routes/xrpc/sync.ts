/**
 * `com.atproto.sync.*`: the repo for relays and other mirrors. Public.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import { AppError } from "../../lib/errors.ts";
import type { RepoBlobs } from "../../lib/repo/blobs.ts";
import type { Repo } from "../../lib/repo/repo.ts";
import type { AppEnv } from "../middleware.ts";
import { parametersOf } from "./hold_request.ts";
import {
  fields,
  mountQuery,
  type PdsAccount,
  refuse,
  requireActive,
  requireRepo,
  type XrpcContext,
} from "./server_methods.ts";
import { cursorOf } from "./sync_socket.ts";

/** What the sync methods need. */
export interface SyncRoutesDeps {
  readonly account: PdsAccount;
  readonly repo: Repo;
  readonly blobs: RepoBlobs;
  /** Answers `getBlob` for an OCI digest: the layers of the hold. */
  readonly ociBlob: (request: Request, digest: string) => Promise<Response>;
  /**
   * Takes over a request for the event stream, where requests become
   * WebSockets by themselves and not by the server's upgrade event.
   */
  readonly upgrade?: (request: Request, cursor: number | undefined) => Response;
}

const CAR = "application/vnd.ipld.car";
const NSID = "com.atproto.sync";
const OCI_DIGEST = /^sha(256|512):/;

const repoOnly = z.object({ did: fields.did });
const getRepo = repoOnly.extend({ since: z.string().max(64).optional() });
const getRecord = repoOnly.extend({
  collection: fields.collection,
  rkey: fields.rkey,
});
const getBlob = z.object({
  did: z.string().max(2048),
  cid: z.string().max(256),
});
const listBlobs = getRepo.extend({
  limit: fields.limit(1000, 500),
  cursor: fields.cursor,
});
const listRepos = z.object({
  limit: fields.limit(1000, 500),
  cursor: fields.cursor,
});

/** Serves the sync methods below `/xrpc/`. */
export function mountSync(app: Hono<AppEnv>, deps: SyncRoutesDeps): void {
  const { account, repo } = deps;
  const query = (name: string, handler: Parameters<typeof mountQuery>[2]) =>
    mountQuery(app, `${NSID}.${name}`, handler);
  /** The parameters, once they ask for the repo that is here and served. */
  const ours = async <T extends z.ZodType<{ did: string }>>(
    c: XrpcContext,
    schema: T,
  ): Promise<z.output<T>> => {
    const parameters = parametersOf(c, schema);
    requireRepo(account, parameters.did);
    await requireActive(repo);
    return parameters;
  };

  query("getRepo", async (c) => {
    const { since } = await ours(c, getRepo);
    return car(await repo.car.export(since));
  });
  query("getRecord", async (c) => {
    const { collection, rkey } = await ours(c, getRecord);
    return car(await repo.car.proof(collection, rkey));
  });
  query("getBlocks", async (c) => {
    await ours(c, repoOnly);
    const cids = c.req.queries("cids");
    if (!cids) refuse("The parameter cids is missing.");
    return car(await repo.car.blocks(cids));
  });
  query("getLatestCommit", async (c) => {
    await ours(c, repoOnly);
    const { cid, rev } = await repo.head();
    return c.json({ cid, rev });
  });
  query("getRepoStatus", async (c) => {
    const { did } = parametersOf(c, repoOnly);
    requireRepo(account, did);
    const { rev, active } = await repo.head();
    return c.json(
      active ? { did, active, rev } : { did, active, status: "deactivated" },
    );
  });
  query("listRepos", async (c) => {
    const { cursor } = parametersOf(c, listRepos);
    // One repo is one page; whoever has a cursor has seen it.
    if (cursor !== undefined) return c.json({ repos: [] });
    const { cid: head, rev, active } = await repo.head();
    const { did } = account;
    const status = active ? {} : { status: "deactivated" };
    return c.json({ repos: [{ did, head, rev, active, ...status }] });
  });
  query("listBlobs", async (c) => {
    const { limit, since, cursor } = await ours(c, listBlobs);
    return c.json(
      await deps.blobs.list({
        limit,
        ...(since === undefined ? {} : { since }),
        ...(cursor === undefined ? {} : { cursor }),
      }),
    );
  });
  query("getBlob", async (c) => {
    const { did, cid } = parametersOf(c, getBlob);
    if (OCI_DIGEST.test(cid)) return await deps.ociBlob(c.req.raw, cid);
    requireRepo(account, did);
    await requireActive(repo);
    return await blobResponse(c, deps.blobs, cid);
  });
  query("subscribeRepos", (c) => {
    const cursor = cursorOf(new URL(c.req.url).searchParams);
    if (c.req.header("upgrade")?.toLowerCase() === "websocket") {
      if (deps.upgrade) return deps.upgrade(c.req.raw, cursor);
    }
    throw new AppError(
      "INVALID_REQUEST",
      `${NSID}.subscribeRepos is an event stream; connect with a WebSocket.`,
    );
  });
}

async function blobResponse(
  c: XrpcContext,
  blobs: RepoBlobs,
  cid: string,
): Promise<Response> {
  const blob = await blobs.open(cid, c.req.raw.signal);
  if (blob === undefined) refuse(`There is no blob ${cid}.`, "BlobNotFound");
  if (c.req.method === "HEAD") await blob.body.cancel();
  return new Response(c.req.method === "HEAD" ? "" : blob.body, {
    headers: {
      "content-type": blob.mimeType,
      "content-length": `${blob.size}`,
      // What people uploaded must not run in the name of this host.
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox",
      "content-disposition": `attachment; filename="${cid}"`,
    },
  });
}

function car(body: BodyInit): Response {
  return new Response(body, { headers: { "content-type": CAR } });
}
