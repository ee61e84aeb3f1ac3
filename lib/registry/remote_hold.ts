/**
 * A hold that somebody else runs, reached over XRPC.
 *
 * @module
 */

import { z } from "zod";
import { LRUCache } from "lru-cache";
import type { Did } from "../atproto/identity.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { LargeValues } from "../kv/large_value.ts";
import type { Logger } from "../log.ts";
import type { Digest } from "../oci/digest.ts";
import type { ByteRange } from "../storage/blob_store.ts";
import type {
  Caller,
  Decision,
  HoldClient,
  ManifestEvent,
  PulledManifest,
} from "./hold_client.ts";
import { RemoteCalls, type RemoteCallsDeps } from "./remote_calls.ts";
import { RemoteUploads } from "./remote_uploads.ts";

/** What {@linkcode RemoteHold} needs. */
export interface RemoteHoldDeps extends RemoteCallsDeps {
  values: LargeValues;
  clock: Clock;
  log: Logger;
  uploadTtlMs: number;
}

const captainSchema = z.object({
  value: z.object({
    owner: z.string(),
    public: z.boolean(),
    allowAllCrew: z.boolean().default(false),
  }),
});
const crewPageSchema = z.object({
  records: z.array(z.object({
    value: z.object({
      member: z.string(),
      permissions: z.array(z.string()).default([]),
    }),
  })),
  cursor: z.string().optional(),
});
const crewAnswer = z.object({ status: z.string() });
const locationSchema = z.object({ url: z.url() });
const anything = z.unknown();

/** Pages of 100 crew records that are read. */
const MAX_CREW_PAGES = 50;

/** How long access and blobs are taken as known, in milliseconds. */
const ACCESS_TTL_MS = 60_000;

/** {@linkcode HoldClient} over XRPC. */
export class RemoteHold implements HoldClient {
  readonly #deps: RemoteHoldDeps;
  readonly #calls: RemoteCalls;
  readonly #uploads: RemoteUploads;
  readonly #access = new LRUCache<string, Promise<Decision>>({
    max: 10_000,
    ttl: ACCESS_TTL_MS,
  });

  constructor(deps: RemoteHoldDeps) {
    this.#deps = deps;
    this.#calls = new RemoteCalls(deps);
    this.#uploads = new RemoteUploads({
      values: deps.values,
      clock: deps.clock,
      calls: this.#calls,
      ttlMs: deps.uploadTtlMs,
    });
  }

  get did(): Did {
    return this.#deps.did;
  }

  mayRead(caller: Caller): Promise<Decision> {
    return this.#decide(`read ${caller ?? ""}`, async () => {
      const captain = await this.#captain();
      if (captain.public) return { allowed: true };
      if (caller === undefined) {
        return deny(`The hold ${this.did} is private. Log in to read from it.`);
      }
      const permissions = await this.#permissions(caller, captain.owner);
      return permissions.length > 0
        ? { allowed: true }
        : deny(`The hold ${this.did} is private and you are not in its crew.`);
    });
  }

  mayWrite(caller: Did): Promise<Decision> {
    return this.#decide(`write ${caller}`, async () => {
      const captain = await this.#captain();
      const permissions = await this.#permissions(caller, captain.owner);
      if (permissions.includes("blob:write")) return { allowed: true };
      if (captain.allowAllCrew) {
        await this.#calls.procedure(
          caller,
          "io.atcr.hold.requestCrew",
          {},
          crewAnswer,
        );
        return { allowed: true };
      }
      return deny(
        `You may not push to the hold ${this.did}: ask its captain to add you to the crew, or choose another hold in your profile.`,
      );
    });
  }

  async stat(
    caller: Caller,
    digest: Digest,
  ): Promise<{ size: number } | undefined> {
    const response = await this.#calls.blob(
      "HEAD",
      caller,
      digest,
      new Headers(),
    );
    await response.body?.cancel();
    if (response.ok) {
      const length = response.headers.get("content-length");
      if (length !== null) return { size: Number(length) };
    }
    if (response.status === 400 || response.status === 404) return undefined;
    // A hold that answers HEAD with a redirect or without a length: read one byte.
    const opened = await this.open(caller, digest, { start: 0, end: 0 });
    await opened?.body.cancel();
    return opened && { size: opened.size };
  }

  async open(
    caller: Caller,
    digest: Digest,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<{ size: number; body: ReadableStream<Uint8Array> } | undefined> {
    const headers = new Headers();
    if (range) headers.set("range", `bytes=${range.start}-${range.end}`);
    const url = await this.#location(caller, digest, headers, signal);
    if (url === undefined) return undefined;
    const response = typeof url === "string"
      ? await this.#calls.follow(url, headers, signal)
      : url;
    if (response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw new AppError(
        "UPSTREAM_FAILED",
        `The hold ${this.did} did not give the blob ${digest} (status ${response.status}).`,
      );
    }
    return { size: sizeOf(response), body: response.body };
  }

  async locate(caller: Caller, digest: Digest): Promise<string | undefined> {
    const headers = new Headers();
    const found = await this.#location(caller, digest, headers);
    if (found === undefined || typeof found === "string") return found;
    await found.body?.cancel();
    return undefined;
  }

  async startUpload(caller: Did): Promise<string> {
    return await this.#uploads.start(caller);
  }

  async uploadOffset(
    _caller: Did,
    uploadId: string,
  ): Promise<number | undefined> {
    return await this.#uploads.offset(uploadId);
  }

  async append(
    caller: Did,
    uploadId: string,
    offset: number,
    body: ReadableStream<Uint8Array>,
  ): Promise<number> {
    return await this.#uploads.append(caller, uploadId, offset, body);
  }

  async completeUpload(
    caller: Did,
    uploadId: string,
    digest: Digest,
  ): Promise<{ size: number }> {
    return await this.#uploads.complete(caller, uploadId, digest);
  }

  async abortUpload(caller: Did, uploadId: string): Promise<void> {
    await this.#uploads.abort(caller, uploadId);
  }

  async notifyManifest(caller: Did, event: ManifestEvent): Promise<void> {
    const { owner, digest, ...rest } = event;
    await this.#calls.procedure(
      caller,
      "io.atcr.hold.notifyManifest",
      { ...rest, userDid: owner, manifestDigest: digest, operation: "push" },
      anything,
    );
  }

  /** Other holds find out by themselves: the published lexicons have no method for it. */
  manifestDeleted(): Promise<void> {
    return Promise.resolve();
  }

  countPull(caller: Caller, pull: PulledManifest): void {
    // Without a caller there is nobody in whose name the hold could be told.
    if (caller === undefined) return;
    this.#calls.procedure(
      caller,
      "io.atcr.hold.notifyManifest",
      {
        operation: "pull",
        repository: pull.repository,
        userDid: pull.owner,
        manifestDigest: pull.digest,
        manifest: { mediaType: pull.mediaType, layers: [] },
      },
      anything,
    ).catch((error) =>
      this.#deps.log.debug("hold not told of a pull", {
        holdDid: this.did,
        error,
      })
    );
  }

  /** Where the blob is: a URL, or the answer that is the blob already. */
  async #location(
    caller: Caller,
    digest: Digest,
    headers: Headers,
    signal?: AbortSignal,
  ): Promise<string | Response | undefined> {
    const response = await this.#calls.blob(
      "GET",
      caller,
      digest,
      new Headers(headers),
      signal,
    );
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      return response.headers.get("location") ?? undefined;
    }
    if (response.status === 400 || response.status === 404) {
      await response.body?.cancel();
      return undefined;
    }
    // Holds of the original implementation answer with the URL in JSON.
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || !type.startsWith("application/json")) return response;
    const body: unknown = await response.json().catch(() => undefined);
    return locationSchema.safeParse(body).data?.url;
  }

  /** Remembers a decision; a failure to ask is not remembered. */
  #decide(
    key: string,
    ask: () => Promise<Decision>,
  ): Promise<Decision> {
    const known = this.#access.get(key);
    if (known) return known;
    const asked = ask();
    this.#access.set(key, asked);
    asked.catch(() => this.#access.delete(key));
    return asked;
  }

  async #captain() {
    const record = await this.#calls.query(
      "com.atproto.repo.getRecord",
      { repo: this.did, collection: "io.atcr.hold.captain", rkey: "self" },
      captainSchema,
    );
    if (record) return record.value;
    throw new AppError(
      "UPSTREAM_FAILED",
      `${this.did} has no captain record: it is not a hold.`,
    );
  }

  /** What `did` may do; writing implies reading. */
  async #permissions(did: Did, owner: string): Promise<string[]> {
    if (did === owner) return ["blob:read", "blob:write"];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_CREW_PAGES; page++) {
      const answer = await this.#calls.query(
        "com.atproto.repo.listRecords",
        {
          repo: this.did,
          collection: "io.atcr.hold.crew",
          limit: "100",
          ...(cursor === undefined ? {} : { cursor }),
        },
        crewPageSchema,
      );
      const member = answer?.records.find(({ value }) => value.member === did);
      if (member) {
        const { permissions } = member.value;
        return permissions.includes("crew:admin")
          ? ["blob:read", "blob:write"]
          : permissions;
      }
      cursor = answer?.cursor;
      if (cursor === undefined) break;
    }
    return [];
  }
}

function deny(reason: string): Decision {
  return { allowed: false, reason };
}

/** Size of the whole blob, of a full or a partial answer. */
function sizeOf(response: Response): number {
  const range = response.headers.get("content-range");
  const total = range?.slice(range.lastIndexOf("/") + 1) ??
    response.headers.get("content-length");
  const size = Number(total);
  if (total !== null && Number.isSafeInteger(size)) return size;
  throw new AppError(
    "UPSTREAM_FAILED",
    "The hold does not say how large the blob is.",
  );
}
