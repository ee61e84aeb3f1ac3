/**
 * Authenticated calls to a PDS for one account, independent of the sign-in
 * method, which is the {@linkcode AuthorizedSend} given at construction.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import { isReusable } from "../../hold_api/hold_methods.ts";
import { readJson } from "../../net/json_body.ts";
import { blobCid, writtenCids } from "./cids.ts";
import {
  type BlobRef,
  MAX_WRITES,
  type PdsSession,
  type RepoWrite,
  type WriteBudget,
  type WrittenRecord,
} from "./pds.ts";
import { accountStatus, inactive } from "./login_errors.ts";
import type { PdsPace } from "./pds_pace.ts";
import type { ServiceTokenCache } from "./service_token_cache.ts";
import {
  isMissingRecord,
  isTooLarge,
  pdsError,
  writeBudget,
  type XrpcCall,
  XrpcFailure,
} from "./xrpc.ts";

/** A call to the session's own PDS. */
export type SessionCall = Omit<XrpcCall, "origin" | "token">;

/**
 * Sends with the account's authorization and returns the successful response.
 * Throws XrpcFailure, AppError `UNAUTHORIZED` when the account has to sign in
 * again, and what the guarded fetch throws.
 */
export type AuthorizedSend = (call: SessionCall) => Promise<Response>;

/** Timeout of a write, which waits for the PDS to commit, in milliseconds. */
const WRITE_TIMEOUT_MS = 30_000;

const putOutput = z.object({
  uri: z.string(),
  cid: z.string(),
  commit: z.object({ rev: z.string() }).optional().catch(undefined),
});
const tokenOutput = z.object({ token: z.string() });
const uploadOutput = z.object({
  blob: z.object({
    $type: z.literal("blob"),
    ref: z.object({ $link: z.string() }),
    mimeType: z.string(),
    size: z.number().int(),
  }),
});

export interface PdsSessionDeps {
  did: Did;
  /** Origin of the PDS. */
  pds: string;
  send: AuthorizedSend;
  clock: Clock;
  serviceTokens: ServiceTokenCache;
  pace: PdsPace;
}

/** A {@linkcode PdsSession} over XRPC. */
export class XrpcPdsSession implements PdsSession {
  readonly did: Did;
  readonly pds: string;
  readonly #deps: PdsSessionDeps;
  #budget: WriteBudget | undefined;

  constructor(deps: PdsSessionDeps) {
    this.did = deps.did;
    this.pds = deps.pds;
    this.#deps = deps;
  }

  get writeBudget(): WriteBudget | undefined {
    return this.#budget;
  }

  async applyWrites(
    writes: readonly RepoWrite[],
    signal?: AbortSignal,
  ): Promise<readonly (string | undefined)[]> {
    if (writes.length === 0) return [];
    if (writes.length > MAX_WRITES) {
      throw new RangeError(
        `${writes.length} writes do not fit into one commit; at most ${MAX_WRITES} do.`,
      );
    }
    const json = {
      repo: this.did,
      writes: writes.map(({ action, ...write }) => ({
        $type: `com.atproto.repo.applyWrites#${action}`,
        ...write,
      })),
    };
    try {
      const nsid = "com.atproto.repo.applyWrites";
      const response = await this.#send({ nsid, body: { json }, signal });
      const { clock } = this.#deps;
      this.#budget = writeBudget(response.headers, clock.now());
      return writtenCids(await response.text());
    } catch (error) {
      throw await this.#explain(error, writes, signal);
    }
  }

  async putRecord(
    collection: string,
    rkey: string,
    value: Record<string, unknown>,
    signal?: AbortSignal,
    swap?: string | null,
  ): Promise<WrittenRecord> {
    const json = {
      ...{ repo: this.did, collection, rkey, record: value },
      ...(swap === undefined ? {} : { swapRecord: swap }),
    };
    const nsid = "com.atproto.repo.putRecord";
    const call = { nsid, body: { json }, signal };
    const { uri, cid, commit } = await this.#json(call, putOutput);
    return { uri, cid, rev: commit?.rev };
  }

  async deleteRecord(
    collection: string,
    rkey: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const json = { repo: this.did, collection, rkey };
    const nsid = "com.atproto.repo.deleteRecord";
    const call = { nsid, body: { json }, signal };
    await this.#shown(async () => {
      try {
        await readWhole(await this.#send(call));
      } catch (error) {
        // The lexicon makes it no error; some PDSes do.
        if (!isMissingRecord(error)) throw error;
      }
    });
  }

  async uploadBlob(
    bytes: Uint8Array,
    mimeType: string,
    signal?: AbortSignal,
  ): Promise<BlobRef> {
    const nsid = "com.atproto.repo.uploadBlob";
    const body = { bytes, mimeType };
    const { blob } = await this.#json({ nsid, body, signal }, uploadOutput);
    if (blob.ref.$link === blobCid(bytes)) return blob;
    throw new AppError(
      "UPSTREAM_FAILED",
      `The PDS at ${this.#host} stored other bytes than were sent. Try again.`,
    );
  }

  async serviceToken(
    aud: string,
    lxm: string,
    signal?: AbortSignal,
  ): Promise<string> {
    const fetch = async () => {
      const nsid = "com.atproto.server.getServiceAuth";
      const call = { nsid, params: { aud, lxm }, signal };
      return (await this.#json(call, tokenOutput)).token;
    };
    if (!isReusable(lxm)) return await fetch();
    const { serviceTokens, clock } = this.#deps;
    // A different PDS signs with a different key.
    const name = `${this.pds} ${this.did} ${aud} ${lxm}`;
    return await serviceTokens.get(name, clock.now(), fetch);
  }

  get #host(): string {
    return new URL(this.pds).host;
  }

  #send(call: SessionCall): Promise<Response> {
    const { pace, send } = this.#deps;
    const { nsid, signal } = call;
    return pace.run(
      { key: `${this.pds} ${this.did} ${nsid}`, nsid, signal },
      () => send({ timeoutMs: WRITE_TIMEOUT_MS, ...call }),
    );
  }

  #json<T>(call: SessionCall, schema: z.ZodType<T>): Promise<T> {
    return this.#shown(async () => {
      const response = await this.#send(call);
      const answer = schema.safeParse(await readJson(response, this.#host));
      if (answer.success) return answer.data;
      throw new AppError(
        "UPSTREAM_FAILED",
        `The PDS at ${this.#host} gave an answer to ${call.nsid} that does not fit the method.`,
        { cause: answer.error },
      );
    });
  }

  async #shown<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw this.#errorFor(error);
    }
  }

  #errorFor(error: unknown): unknown {
    if (error instanceof XrpcFailure) {
      if (isTooLarge(error)) {
        const what = error.nsid.endsWith(".uploadBlob") ? "blob" : "record";
        return new AppError(
          "TOO_LARGE",
          `The PDS at ${this.#host} does not take a ${what} of this size: ${error.reason}`,
          { cause: error },
        );
      }
      const status = accountStatus(error);
      if (status !== undefined) {
        const { message } = inactive(this.did, this.#host, status);
        return new AppError("DENIED", message, { cause: error });
      }
      if (error.status === 401 || error.status === 403) {
        return new AppError(
          "DENIED",
          `The PDS at ${this.#host} does not allow ${error.nsid} for ${this.did}: ${error.reason}`,
          { cause: error },
        );
      }
    }
    return pdsError(error, this.pds);
  }

  /**
   * The reference PDS answers "internal server error" when a create finds a
   * record or an update or delete finds none, others with names of their own.
   * Reading the records distinguishes that from a failing PDS.
   */
  async #explain(
    error: unknown,
    writes: readonly RepoWrite[],
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    const mayConflict = error instanceof XrpcFailure &&
      (error.status === 500 || isMissingRecord(error) ||
        /exist/i.test(`${error.error} ${error.reason}`));
    if (!mayConflict) return this.#errorFor(error);
    try {
      for (const { action, collection, rkey } of writes) {
        const exists = await this.#exists(collection, rkey, signal);
        if (exists === (action !== "create")) continue;
        const place = `${collection}/${rkey}`;
        return new AppError(
          "CONFLICT",
          exists
            ? `The record ${place} is already in the repo of ${this.did}. Try again.`
            : `The record ${place} is not in the repo of ${this.did} any more. Try again.`,
          { cause: error },
        );
      }
    } catch {
      // The PDS cannot be read either; report the first error.
    }
    return this.#errorFor(error);
  }

  async #exists(
    collection: string,
    rkey: string,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const params = { repo: this.did, collection, rkey };
    const nsid = "com.atproto.repo.getRecord";
    try {
      await readWhole(await this.#send({ nsid, params, signal }));
      return true;
    } catch (error) {
      if (isMissingRecord(error)) return false;
      throw error;
    }
  }
}

/** Reads a response to its end: the head alone does not prove that a write succeeded. */
async function readWhole(response: Response): Promise<void> {
  await response.arrayBuffer();
}
