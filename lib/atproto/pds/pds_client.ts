/**
 * Public reads from a PDS.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { isValidNsid } from "@atproto/syntax";
import { z } from "zod";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import { fetchFailure } from "../../net/fetch_failure.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { blobHash } from "./cids.ts";
import type { PdsReader, RepoRecord } from "./pds.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { systemClock } from "../../clock.ts";
import { PdsPace, PdsSilence } from "./pds_pace.ts";
import { listOutput, recordSchema, recordsOf } from "./record_page.ts";
import {
  pdsError,
  xrpc,
  type XrpcCall,
  XrpcFailure,
  xrpcJson,
} from "./xrpc.ts";

/** Concurrent requests per PDS; others wait. */
const PARALLEL_PER_HOST = 8;

/** A page of 100 records; a record of our collections rarely has more than 20 kB. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;

/** Largest record that is read (the network's own limit is 1 MB as CBOR). */
const MAX_RECORD_BYTES = 2 * 1024 * 1024;

/** Room for an error in place of a small blob. */
const ERROR_BYTES = 16 * 1024;

const PAGE = 100;

/** Records of a page after one of more was too large. */
const SMALL_PAGE = 10;

const statusOutput = z.object({ did: z.string() });
const describeOutput = z.object({ collections: z.array(z.string()) });

/** {@linkcode PdsReader} over XRPC. */
export class PdsClient implements PdsReader {
  readonly #fetch: GuardedFetch;
  readonly #slots = new Semaphore(PARALLEL_PER_HOST);
  readonly #pace: PdsPace;
  readonly #silence: PdsSilence;

  constructor(
    fetch: GuardedFetch,
    pace = new PdsPace(systemClock),
    silence = new PdsSilence(systemClock),
  ) {
    this.#fetch = fetch;
    this.#pace = pace;
    this.#silence = silence;
  }

  async getRecord(
    pds: string,
    did: Did,
    collection: string,
    rkey: string,
    signal?: AbortSignal,
  ): Promise<RepoRecord | undefined> {
    const record = await this.#query(
      {
        origin: pds,
        nsid: "com.atproto.repo.getRecord",
        params: { repo: did, collection, rkey },
        maxBytes: MAX_RECORD_BYTES,
        signal,
      },
      recordSchema,
      ["RecordNotFound"],
    );
    if (!record) return undefined;
    if (record.uri === `at://${did}/${collection}/${rkey}`) return record;
    throw new AppError(
      "UPSTREAM_FAILED",
      `The PDS at ${
        new URL(pds).host
      } answered with another record than the one asked for.`,
    );
  }

  async listRecords(
    pds: string,
    did: Did,
    collection: string,
    options: {
      cursor?: string;
      limit?: number;
      reverse?: boolean;
      signal?: AbortSignal;
    } = {},
  ): Promise<{ records: RepoRecord[]; cursor: string | undefined }> {
    const { cursor, limit = PAGE, reverse, signal } = options;
    const page = await this.#page({
      origin: pds,
      nsid: "com.atproto.repo.listRecords",
      params: {
        repo: did,
        collection,
        cursor,
        reverse,
        limit: Math.min(limit, PAGE),
      },
      maxBytes: MAX_PAGE_BYTES,
      signal,
    });
    return recordsOf(page, { pds, did, collection, cursor });
  }

  /** One page; a smaller one where the records are too large together. */
  async #page(call: XrpcCall): Promise<z.infer<typeof listOutput>> {
    try {
      return await this.#answer(call, listOutput);
    } catch (error) {
      const limit = Number(call.params?.["limit"]);
      if (!isAppError(error, "TOO_LARGE") || limit <= 1) throw error;
      const smaller = limit > SMALL_PAGE ? SMALL_PAGE : 1;
      return await this.#page({
        ...call,
        params: { ...call.params, limit: smaller },
      });
    }
  }

  async listCollections(
    pds: string,
    did: Did,
    signal?: AbortSignal,
  ): Promise<string[]> {
    const repo = await this.#query(
      {
        origin: pds,
        nsid: "com.atproto.repo.describeRepo",
        params: { repo: did },
        maxBytes: MAX_RECORD_BYTES,
        signal,
      },
      describeOutput,
      ["RepoNotFound"],
    );
    return (repo?.collections ?? []).filter((nsid) => isValidNsid(nsid));
  }

  async hasRepo(
    pds: string,
    did: Did,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const status = await this.#query(
      {
        origin: pds,
        nsid: "com.atproto.sync.getRepoStatus",
        params: { did },
        maxBytes: MAX_RECORD_BYTES,
        signal,
      },
      statusOutput,
      ["RepoNotFound"],
    );
    return status !== undefined;
  }

  async getBlob(
    pds: string,
    did: Did,
    cid: string,
    options: { maxBytes: number; signal?: AbortSignal },
  ): Promise<{ bytes: Uint8Array; mimeType: string } | undefined> {
    const expected = blobHash(cid);
    const call: XrpcCall = {
      origin: pds,
      nsid: "com.atproto.sync.getBlob",
      params: { did, cid },
      maxBytes: Math.max(options.maxBytes, ERROR_BYTES),
      signal: options.signal,
    };
    try {
      const blob = await this.#twice(call, async () => {
        const response = await xrpc(this.#fetch, call);
        return {
          bytes: new Uint8Array(await response.arrayBuffer()),
          mimeType: response.headers.get("content-type") ??
            "application/octet-stream",
        };
      });
      if (blob.bytes.byteLength > options.maxBytes) {
        throw new AppError(
          "TOO_LARGE",
          `The blob ${cid} has ${blob.bytes.byteLength} bytes; at most ${options.maxBytes} are taken here.`,
        );
      }
      const hash = createHash("sha256").update(blob.bytes).digest();
      if (hash.equals(expected)) return blob;
      throw new AppError(
        "UPSTREAM_FAILED",
        `The PDS at ${
          new URL(pds).host
        } sent other bytes than the blob ${cid} has.`,
      );
    } catch (error) {
      if (isAbsentBlob(error)) return undefined;
      throw pdsError(error, pds);
    }
  }

  /**
   * Returns the validated response, or undefined when the PDS returns one of
   * the errors `absent`.
   */
  async #query<T>(
    call: XrpcCall,
    schema: z.ZodType<T>,
    absent: readonly string[],
  ): Promise<T | undefined> {
    try {
      return await this.#answer(call, schema);
    } catch (error) {
      const failure = error instanceof AppError ? error.cause : undefined;
      const isAbsent = failure instanceof XrpcFailure &&
        absent.includes(failure.error);
      if (isAbsent) return undefined;
      throw error;
    }
  }

  async #answer<T>(call: XrpcCall, schema: z.ZodType<T>): Promise<T> {
    try {
      return await this.#twice(
        call,
        () => xrpcJson(this.#fetch, call, schema),
      );
    } catch (error) {
      throw pdsError(error, call.origin);
    }
  }

  /** Sends in a slot of the host, and retries once when the connection broke. */
  #twice<T>(call: XrpcCall, send: () => Promise<T>): Promise<T> {
    const { host } = new URL(call.origin);
    const { nsid, signal } = call;
    const key = `${host} ${nsid}`;
    const twice = async () => {
      try {
        return await send();
      } catch (error) {
        if (fetchFailure(error) !== "connection") throw error;
        return await send();
      }
    };
    return this.#pace.run(
      { key, nsid, signal, waits: false },
      () => this.#silence.run(host, () => this.#slots.run(host, signal, twice)),
    );
  }
}

/** The reference PDS identifies a missing blob only by its message. */
function isAbsentBlob(error: unknown): boolean {
  return error instanceof XrpcFailure &&
    (error.status === 404 || error.error === "BlobNotFound" ||
      error.error === "RepoNotFound" ||
      error.status === 400 && /blob not found/i.test(error.reason));
}
