/**
 * Access to a remote hold, from its captain and crew records. The hold decides
 * again at every call; this is for early errors, and for public holds.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { z } from "zod";
import { HOLD_COLLECTIONS } from "../../atproto/records/collections.ts";
import { type Clock, endsWithin } from "../../clock.ts";
import { type Did, didSchema } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import { ALLOWED, type Decision, deny } from "../../hold_api/decision.ts";
import type { Caller } from "../../hold_api/hold_client.ts";
import type { KnownPublic } from "./known_public.ts";
import type { RemoteCalls } from "./remote_calls.ts";

export interface RemoteAccessDeps {
  calls: RemoteCalls;
  clock: Clock;
  known: KnownPublic;
}

const captainSchema = z.object({
  value: z.object({
    owner: didSchema,
    public: z.boolean(),
    allowAllCrew: z.boolean().default(false),
  }),
});
const memberSchema = z.object({
  value: z.object({
    member: didSchema,
    permissions: z.array(z.string().max(64)).max(64).default([]),
  }),
});
// A malformed crew record must not hide the others.
const crewPageSchema = z.object({
  records: z.array(z.unknown()).max(1_000),
  cursor: z.string().max(2_048).optional(),
});
const crewAnswer = z.object({ status: z.string() });

type Captain = z.output<typeof captainSchema>["value"];

/** Maximum pages of 100 crew records. */
const MAX_CREW_PAGES = 50;

/** Timeout for all pages, in milliseconds. */
const CREW_TIMEOUT_MS = 20_000;

/** How long a decision is cached, in milliseconds. */
const ACCESS_TTL_MS = 60_000;

/** How long an unreachable hold is not queried, in milliseconds. */
const FAILED_TTL_MS = 3_000;

/** How long readers of a public hold wait for it, in milliseconds. */
const PATIENCE_MS = 3_000;

/** How long a public hold that is away is not queried for readers, in milliseconds. */
const AWAY_MS = 30_000;

/** Permissions that imply read: write implies read, admin implies both. */
const MAY_READ = ["blob:read", "blob:write", "crew:admin"];
const MAY_WRITE = ["blob:write", "crew:admin"];

/** Decides about one hold. */
export class RemoteAccess {
  readonly #calls: RemoteCalls;
  readonly #deps: RemoteAccessDeps;
  readonly #decisions = new LRUCache<string, Promise<Decision>>({
    max: 10_000,
    ttl: ACCESS_TTL_MS,
  });

  /** When a public hold may be queried again, in milliseconds since the Unix epoch. */
  #awayUntil = 0;

  constructor(deps: RemoteAccessDeps) {
    this.#deps = deps;
    this.#calls = deps.calls;
  }

  /**
   * Whether `caller` may read. Throws AppError when the hold cannot be reached,
   * unless it was public within the last week.
   */
  read(caller: Caller): Promise<Decision> {
    return this.#decide(`read ${caller ?? ""}`, async () => {
      const captain = await this.#captainForReaders();
      if (captain === "away" || captain.public) return ALLOWED;
      if (caller !== undefined) {
        return await this.#byCrew(captain, caller, MAY_READ, "read from");
      }
      const { did } = this.#calls;
      return deny(`The hold ${did} is private. Log in to read from it.`);
    });
  }

  /** Whether `caller` may push; on a hold with `allowAllCrew` the caller joins its crew. */
  write(caller: Did): Promise<Decision> {
    return this.#decide(
      `write ${caller}`,
      async () =>
        await this.#byCrew(
          await this.#captain(),
          caller,
          MAY_WRITE,
          "push to",
        ),
    );
  }

  async #byCrew(
    captain: Captain,
    caller: Did,
    wanted: readonly string[],
    what: string,
  ): Promise<Decision> {
    if (caller === captain.owner) return ALLOWED;
    const permissions = await this.#permissions(caller);
    if (permissions?.some((held) => wanted.includes(held))) return ALLOWED;
    const { did } = this.#calls;
    if (permissions) {
      return deny(
        `You are crew of the hold ${did}, but may not ${what} it; ask its captain ${captain.owner}.`,
      );
    }
    if (captain.allowAllCrew) return await this.#join(caller);
    return deny(
      `You may not ${what} the hold ${did}: ask its captain ${captain.owner} to add you to the crew, or choose another hold in your profile.`,
    );
  }

  async #join(caller: Did): Promise<Decision> {
    const nsid = "io.atcr.hold.requestCrew";
    try {
      await this.#calls.procedure(caller, nsid, {}, crewAnswer);
      return ALLOWED;
    } catch (error) {
      if (error instanceof AppError && error.code === "DENIED") {
        return deny(error.message);
      }
      throw error;
    }
  }

  /**
   * Caches a positive decision; a refusal may change at any moment. A failure
   * is cached briefly, so that many reads do not query a missing or broken hold
   * as many times.
   */
  #decide(
    key: string,
    ask: () => Promise<Decision>,
  ): Promise<Decision> {
    const known = this.#decisions.get(key);
    if (known) return known;
    const asked = ask();
    this.#decisions.set(key, asked);
    const forget = () => {
      if (this.#decisions.get(key) === asked) this.#decisions.delete(key);
    };
    asked.then(
      ({ allowed }) => allowed || forget(),
      () => {
        if (this.#decisions.get(key) !== asked) return;
        this.#decisions.set(key, asked, { ttl: FAILED_TTL_MS });
      },
    );
    return asked;
  }

  /** The same, or `away` while a hold that is known to be public does not respond. */
  async #captainForReaders(): Promise<Captain | "away"> {
    const { clock, known } = this.#deps;
    const isPublic = await known.get();
    if (!isPublic) return await this.#captain();
    if (endsWithin(this.#awayUntil, AWAY_MS, clock.now())) return "away";
    const stop = new AbortController();
    const late = clock.sleep(PATIENCE_MS, stop.signal).then(() => undefined);
    const asked = this.#captain();
    // A late answer is noted for the next reader.
    asked.catch(() => {});
    try {
      const captain = await Promise.race([asked, late]);
      if (captain) return captain;
    } catch (error) {
      if (!isAppError(error)) throw error;
    } finally {
      stop.abort();
    }
    this.#awayUntil = clock.now() + AWAY_MS;
    return "away";
  }

  async #captain(): Promise<Captain> {
    const captain = await this.#readCaptain();
    await this.#deps.known.note(captain.public);
    this.#awayUntil = 0;
    return captain;
  }

  async #readCaptain(): Promise<Captain> {
    const { did } = this.#calls;
    const record = await this.#calls.query(
      "com.atproto.repo.getRecord",
      { repo: did, collection: HOLD_COLLECTIONS.captain, rkey: "self" },
      captainSchema,
    );
    if (record) return record.value;
    throw new AppError(
      "UPSTREAM_FAILED",
      `${did} has no captain record: it is not a hold.`,
    );
  }

  #tooSlow(): AppError {
    return new AppError(
      "UPSTREAM_TIMEOUT",
      `The hold ${this.#calls.did} took too long to list its crew. Try again later.`,
    );
  }

  /** Permissions in the crew record of `did`; undefined when there is none. */
  async #permissions(did: Did): Promise<readonly string[] | undefined> {
    let cursor: string | undefined;
    const late = AbortSignal.timeout(CREW_TIMEOUT_MS);
    for (let page = 0; page < MAX_CREW_PAGES; page++) {
      const answer = await this.#calls.query(
        "com.atproto.repo.listRecords",
        {
          repo: this.#calls.did,
          collection: HOLD_COLLECTIONS.crew,
          limit: "100",
          ...(cursor === undefined ? {} : { cursor }),
        },
        crewPageSchema,
      );
      for (const record of answer?.records ?? []) {
        const { data } = memberSchema.safeParse(record);
        if (data?.value.member === did) return data.value.permissions;
      }
      cursor = answer?.cursor;
      if (cursor === undefined) break;
      if (late.aborted) throw this.#tooSlow();
    }
    return undefined;
  }
}
