/**
 * Whether a PDS serves an account's repo (atproto specification, "Account",
 * "Hosting Status").
 *
 * @module
 */

import { isValidTid } from "@atproto/syntax";
import { z } from "zod";
import { Semaphore } from "../../async/semaphore.ts";
import { systemClock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { PdsSilence } from "../pds/pds_pace.ts";
import { pdsError, type XrpcCall, XrpcFailure, xrpcJson } from "../pds/xrpc.ts";

/** Status of an account at a PDS; `inactive` when the PDS gives no reason. */
export type RepoStatus =
  | "active"
  | "deactivated"
  | "suspended"
  | "takendown"
  | "deleted"
  | "inactive";

/** Status and revision of a repo. */
export interface RepoHead {
  readonly status: RepoStatus;
  /** Latest revision, a TID; undefined if the repo is not served or the PDS does not report one. */
  readonly rev: string | undefined;
}

/** Timeout of a query, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** Concurrent queries per PDS; others wait. */
const PARALLEL_PER_HOST = 4;

/** Maximum bytes of a response. */
const MAX_BYTES = 16 * 1024;

/** Statuses by error name. */
const BY_ERROR: Readonly<Record<string, RepoStatus>> = {
  RepoDeactivated: "deactivated",
  RepoNotFound: "deleted",
  RepoSuspended: "suspended",
  RepoTakendown: "takendown",
};

/**
 * Statuses of `getRepoStatus`; `desynchronized` and `throttled` describe the
 * server and do not make an account inactive.
 */
const BY_STATUS: Readonly<Record<string, RepoStatus>> = {
  deactivated: "deactivated",
  deleted: "deleted",
  desynchronized: "active",
  suspended: "suspended",
  takendown: "takendown",
  throttled: "active",
};

const statusOutput = z.object({
  active: z.boolean(),
  status: z.string().optional(),
  rev: z.string().refine(isValidTid).optional().catch(undefined),
});

/** Queries PDSes. */
export class RepoStatusReader {
  readonly #fetch: GuardedFetch;
  readonly #slots = new Semaphore(PARALLEL_PER_HOST);
  readonly #silence: PdsSilence;

  /** `silence` knows PDSes that hang from all calls to them. */
  constructor(fetch: GuardedFetch, silence = new PdsSilence(systemClock)) {
    this.#fetch = fetch;
    this.#silence = silence;
  }

  /**
   * Returns the status of `did` at the PDS `pds` (an origin), by
   * `getRepoStatus`, or by `getLatestCommit` if the PDS lacks that method.
   * Throws AppError when there is no usable response: `UNAVAILABLE`,
   * `TOOMANYREQUESTS` or `UPSTREAM_FAILED`; at once while the PDS is known to
   * hang.
   */
  async read(pds: string, did: Did): Promise<RepoStatus> {
    return (await this.head(pds, did)).status;
  }

  /** As {@linkcode read}, with the latest revision. */
  async head(pds: string, did: Did): Promise<RepoHead> {
    const { host } = new URL(pds);
    const ask = async () =>
      await this.#status(pds, did) ?? await this.#latestCommit(pds, did);
    try {
      return await this.#silence.run(
        host,
        () => this.#slots.run(host, undefined, ask),
      );
    } catch (error) {
      const named = error instanceof XrpcFailure && error.status < 500
        ? BY_ERROR[error.error]
        : undefined;
      if (named) return { status: named, rev: undefined };
      throw pdsError(error, pds);
    }
  }

  /** Returns undefined if the PDS has no such method. */
  async #status(pds: string, did: Did): Promise<RepoHead | undefined> {
    const nsid = "com.atproto.sync.getRepoStatus";
    try {
      const { active, status, rev } = await xrpcJson(
        this.#fetch,
        callOf(pds, did, nsid),
        statusOutput,
      );
      if (active) return { status: "active", rev };
      return { status: BY_STATUS[status ?? ""] ?? "inactive", rev: undefined };
    } catch (error) {
      if (error instanceof XrpcFailure && hasNoMethod(error)) return undefined;
      throw error;
    }
  }

  async #latestCommit(pds: string, did: Did): Promise<RepoHead> {
    const nsid = "com.atproto.sync.getLatestCommit";
    const output = z.object({ cid: z.string(), rev: statusOutput.shape.rev });
    const call = callOf(pds, did, nsid);
    const { rev } = await xrpcJson(this.#fetch, call, output);
    return { status: "active", rev };
  }
}

function callOf(origin: string, did: Did, nsid: string): XrpcCall {
  const params = { did };
  return { origin, nsid, params, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES };
}

function hasNoMethod({ status, error }: XrpcFailure): boolean {
  return status === 501 || error === "MethodNotImplemented" ||
    status === 404 && BY_ERROR[error] === undefined;
}
