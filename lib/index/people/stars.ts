/**
 * Stars as their owner gives and takes them: records in the owner's repo,
 * counted here at once.
 *
 * @module
 */

import { SingleFlight } from "../../async/single_flight.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsReader, PdsSession } from "../../atproto/pds/pds.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { starRkey } from "../../atproto/records/rkeys.ts";
import { writeStar } from "../../atproto/records/star_record.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { RecordChange } from "../record_change.ts";
import type { RepoRef } from "../visible.ts";
import { peopleKeys } from "./kv_keys.ts";
import type { StarIndex } from "./star_index.ts";

export interface StarsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly pds: Pick<PdsReader, "listRecords">;
  readonly index: StarIndex;
}

const COLLECTION = OWNER_COLLECTIONS.star;
/** How long it is taken as known that an account has no other stars, in milliseconds; events come earlier. */
const LISTED_MS = 86_400_000;
/** Pages of 100 records that are read of one account. */
const MAX_PAGES = 50;

/** Gives, takes back and asks for stars. */
export class Stars {
  readonly #deps: StarsDeps;
  readonly #flights = new SingleFlight();

  constructor(deps: StarsDeps) {
    this.#deps = deps;
  }

  /**
   * Stars a repository in the name of the session's account; nothing changes
   * when it does so already. Throws what the PDS answers.
   */
  async star(
    session: PdsSession,
    repo: RepoRef,
    signal?: AbortSignal,
  ): Promise<void> {
    const { index, clock } = this.#deps;
    if (await index.records(session.did, repo)) return;
    const rkey = starRkey(repo.did, repo.repo);
    const record = writeStar({ ...repo, createdAt: clock.now() });
    const { cid, rev } = await session.putRecord(
      COLLECTION,
      rkey,
      record,
      signal,
    );
    await index.apply({
      ...this.#change(session.did, rkey, record),
      cid,
      rev,
    });
  }

  /** Takes the star back, with every record that stands for it. Throws what the PDS answers. */
  async unstar(
    session: PdsSession,
    repo: RepoRef,
    signal?: AbortSignal,
  ): Promise<void> {
    const { index } = this.#deps;
    const { did } = session;
    let rkeys = await index.records(did, repo);
    if (!rkeys) {
      await this.list(session);
      rkeys = await index.records(did, repo);
    }
    // One that was written a moment ago may not have been heard of yet.
    const all = new Set([...rkeys ?? [], starRkey(repo.did, repo.repo)]);
    for (const rkey of all) {
      await session.deleteRecord(COLLECTION, rkey, signal);
      await index.apply(this.#change(did, rkey, undefined));
    }
  }

  /**
   * Whether an account stars the repository. Asks its PDS where that was not
   * done within a day; while the PDS does not answer, what is known counts.
   */
  async isStarred(actor: Identity, repo: RepoRef): Promise<boolean> {
    const { kv, clock, index, log } = this.#deps;
    const { did, pds } = actor;
    if (await index.records(did, repo)) return true;
    const listed = await kv.get<number>(peopleKeys.starsListed(did));
    if (listed && isWithin(listed.value, LISTED_MS, clock.now())) return false;
    if (pds === undefined) return false;
    try {
      await this.list({ did, pds });
    } catch (error) {
      log.warn("stars not listed", { did, error });
      return false;
    }
    return await index.records(did, repo) !== undefined;
  }

  /** Reads all stars of an account at its PDS. */
  list(at: Pick<PdsSession, "did" | "pds">): Promise<void> {
    const name = `list ${at.did}`;
    return this.#flights.run(name, undefined, () => this.#listNow(at));
  }

  async #listNow({ did, pds }: Pick<PdsSession, "did" | "pds">): Promise<void> {
    const { kv, clock, index } = this.#deps;
    const at = clock.now();
    const found = new Set<string>();
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const { records, cursor: next } = await this.#deps.pds.listRecords(
        pds,
        did,
        COLLECTION,
        cursor === undefined ? {} : { cursor },
      );
      for (const { uri, cid, value } of records) {
        const rkey = uri.slice(uri.lastIndexOf("/") + 1);
        found.add(rkey);
        await index.apply({ ...this.#change(did, rkey, value), cid, at });
      }
      cursor = next;
      if (cursor === undefined) break;
    }
    // Only a list that was read to its end shows what is not there.
    if (cursor === undefined) {
      for await (const rkey of index.recordsOf(did, at)) {
        if (found.has(rkey)) continue;
        await index.apply({ ...this.#change(did, rkey, undefined), at });
      }
    }
    await kv.set(peopleKeys.starsListed(did), at);
  }

  #change(did: Did, rkey: string, record: unknown): RecordChange {
    return {
      did,
      collection: COLLECTION,
      rkey,
      rev: undefined,
      cid: undefined,
      at: this.#deps.clock.now(),
      record,
    };
  }
}
