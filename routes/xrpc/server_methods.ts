/**
 * What the methods of the embedded PDS share: mounting, and checked names.
 *
 * @module
 */

import type { Context, Hono } from "@hono/hono";
import {
  isValidAtIdentifier,
  isValidDid,
  isValidNsid,
  isValidRecordKey,
} from "@atproto/syntax";
import { z } from "zod";
import type { Did } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import { isCid } from "../../lib/repo/cid.ts";
import { INVALID_HANDLE } from "../../lib/repo/identity/did_document.ts";
import type { Repo } from "../../lib/repo/repo.ts";
import type { AppEnv } from "../middleware.ts";

/** One request with the Hono context of this program. */
export type XrpcContext = Context<AppEnv>;

/** Answers one request. */
export type XrpcHandler = (
  c: XrpcContext,
) => Response | Promise<Response>;

/** Who the PDS is for: one account. */
export interface PdsAccount {
  readonly did: Did;
  /** Its handle, or `handle.invalid`. */
  readonly handle: string;
}

/** Mounts a query below `/xrpc/`; another HTTP method is told which one to use. */
export function mountQuery(
  app: Hono<AppEnv>,
  nsid: string,
  handler: XrpcHandler,
): void {
  app.get(`/${nsid}`, handler);
  app.all(`/${nsid}`, () => refuse(`${nsid} is a query; use GET.`));
}

/** Mounts a procedure below `/xrpc/`; another HTTP method is told which one to use. */
export function mountProcedure(
  app: Hono<AppEnv>,
  nsid: string,
  handler: XrpcHandler,
): void {
  app.post(`/${nsid}`, handler);
  app.all(`/${nsid}`, () => refuse(`${nsid} is a procedure; use POST.`));
}

/** Throws AppError `INVALID_REQUEST` under the error name of a lexicon. */
export function refuse(message: string, xrpc = "InvalidRequest"): never {
  throw new AppError("INVALID_REQUEST", message, { xrpc });
}

/** Whether the handle or DID `identifier` is that of the account here. */
export function isAccount(
  { did, handle }: PdsAccount,
  identifier: string,
): boolean {
  if (identifier === did) return true;
  return handle !== INVALID_HANDLE && identifier.toLowerCase() === handle;
}

/** Throws AppError `INVALID_REQUEST` (`RepoNotFound`) unless `repo` is the account here. */
export function requireRepo(account: PdsAccount, repo: string): void {
  if (isAccount(account, repo)) return;
  refuse(
    `The repo ${repo} is not here; this is ${account.did}.`,
    "RepoNotFound",
  );
}

/** Throws AppError `INVALID_REQUEST` (`RepoDeactivated`) while the account is switched off. */
export async function requireActive(repo: Repo): Promise<void> {
  const { active } = await repo.head();
  if (!active) {
    refuse(`The repo ${repo.did} is deactivated.`, "RepoDeactivated");
  }
}

/** Names and numbers as parameters carry them. */
export const fields = {
  did: z.string().max(2048).refine(isValidDid, "must be a DID"),
  repo: z.string().max(2048).refine(
    isValidAtIdentifier,
    "must be a handle or a DID",
  ),
  collection: z.string().max(317).refine(isValidNsid, "must be an NSID"),
  rkey: z.string().max(512).refine(isValidRecordKey, "must be a record key"),
  cid: z.string().max(256).refine(
    (text) => isCid(text),
    "must be a CID",
  ),
  cursor: z.string().max(2048).optional(),
  /** A whole number from 1 to `max`, `otherwise` when it is left out. */
  limit: (max: number, otherwise: number) =>
    z.string().regex(/^\d{1,6}$/, "must be a whole number").transform(Number)
      .pipe(z.number().min(1).max(max)).default(otherwise),
  boolean: z.enum(["true", "false"]).transform((text) => text === "true")
    .default(false),
};
