/**
 * Reads whole collections of an owner's repo. That is expensive for the PDS, so
 * it is done rarely, and continued later where there are too many records for
 * one time.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import { type Admit, AdmittedFlight } from "../../async/admitted_flight.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ListingRow } from "../rows.ts";
import type { ListedRecord, OwnerReader } from "./owner_reader.ts";
import { SeenRecords } from "./seen_records.ts";

export interface OwnerListsDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  reader: Pick<OwnerReader, "pages">;
  /**
   * Age at which a collection of 10,000 records and more is listed again, in
   * milliseconds; a tenth of it for those of 1,000 and less.
   */
  relistMs: number;
  /** Maximum records read of one collection. */
  maxRecords: number;
}

/** What is done with the records of a collection. */
export interface Reading<T> {
  /** Called before each page is read. */
  before(): Promise<T>;
  /** Takes a page, with the result of `before`. */
  each(page: readonly ListedRecord[], before: T): Promise<void>;
  /**
   * Removes what is known and not in a part of the list that was read since
   * `since` (milliseconds since the Unix epoch); returns whether something is
   * left to do.
   */
  compare?(list: SeenRecords, since: number): Promise<boolean>;
  /** Awaited before each page that is read for this caller. */
  admit?: Admit | undefined;
}

/** How much of a collection is known: all, a part for now, or as much as is read of one. */
export type Extent = "whole" | "reading" | "cut";

/** A collection is not listed again within this time, in milliseconds. */
const LIST_INTERVAL_MS = 30_000;

/** The same where it is known to have changed. */
const DUE_INTERVAL_MS = 5_000;

/** Collections read concurrently; others wait. */
const MAX_LISTS = 8;

/** How long a collection is read at a time, in milliseconds. */
const READ_MS = 60_000;

/** Keys of records that are compared together. */
const COMPARED = 10_000;

/** Records of one page. */
const PAGE = 100;

/** Pages for which a request waits when they are read again. */
const FEW_PAGES = 10;

/** Pages from which a collection is listed as rarely as possible. */
const MANY_PAGES = 100;

/** Lists collections of owners. */
export class OwnerLists {
  readonly #deps: OwnerListsDeps;
  readonly #flights = new AdmittedFlight();
  readonly #slots = new Semaphore(MAX_LISTS);

  constructor(deps: OwnerListsDeps) {
    this.#deps = deps;
  }

  /**
   * Ensures that a collection was listed once, and lists it again after a
   * while, because other services write there too: in the background unless it
   * is small. An old list is used while the PDS fails.
   */
  async ensure(
    owner: Identity,
    collection: string,
    list: () => Promise<unknown>,
  ): Promise<Extent> {
    const { log } = this.#deps;
    const last = await this.#row(owner.did, collection);
    if (!last || last.at === 0) await list();
    else if (this.#isDue(last)) {
      const done = list().catch((error) =>
        log.debug("collection not listed again", {
          did: owner.did,
          collection,
          error,
        })
      );
      if (!last.cursor && last.pages <= FEW_PAGES) await done;
    } else return extentOf(last);
    return await this.extent(owner.did, collection);
  }

  /** How much of a collection is known. */
  async extent(did: Did, collection: string): Promise<Extent> {
    return extentOf(await this.#row(did, collection));
  }

  /** Has a collection that was listed before listed again soon. */
  async due(did: Did, collection: string): Promise<void> {
    const last = await this.#row(did, collection);
    if (!last || last.due) return;
    await this.#store(did, collection, { ...last, due: true });
  }

  /**
   * Reads a collection page by page; returns false when it was listed recently.
   * Stops after a minute, or when a page fails; the next call continues then.
   * Throws the errors of `OwnerReader.pages` and of `reading`.
   */
  read<T>(
    owner: Identity,
    collection: string,
    reading: Reading<T>,
  ): Promise<boolean> {
    const name = `${owner.did} ${collection}`;
    return this.#flights.run(name, reading.admit, async (admit) => {
      const last = await this.#row(owner.did, collection);
      const pauseMs = last?.due ? DUE_INTERVAL_MS : LIST_INTERVAL_MS;
      const isRecent = last !== undefined && last.cursor === undefined &&
        isWithin(last.at, pauseMs, this.#deps.clock.now());
      if (isRecent) return false;
      return await this.#slots.run("", undefined, async () => {
        await this.#read(owner, collection, { ...reading, admit }, last);
        return true;
      });
    });
  }

  async #read<T>(
    owner: Identity,
    collection: string,
    { before, each, compare, admit }: Reading<T>,
    last: ListingRow | undefined,
  ): Promise<void> {
    const { clock, reader, maxRecords, log } = this.#deps;
    const { did } = owner;
    const begun = clock.now();
    const resumed = last?.cursor;
    let [cursor, pages] = [
      resumed,
      resumed === undefined ? 0 : last?.pages ?? 0,
    ];
    let seen = SeenRecords.begin(resumed === undefined);
    const isFull = () => pages * PAGE >= maxRecords;
    let isLeft = false;
    const note = async () => {
      const isLeftNow = await compare?.(seen, begun) ?? false;
      isLeft ||= isLeftNow;
      seen = seen.next();
    };
    const list = reader.pages(owner, collection, resumed);
    try {
      for (;;) {
        await admit?.();
        const known = await before();
        const page = await list.next();
        cursor = page.done ? undefined : page.value.next;
        if (!page.done) {
          const { records } = page.value;
          await each(records, known);
          seen.add(records.map(({ rkey }) => rkey));
          pages++;
        }
        if (cursor === undefined) seen.end();
        const isOver = cursor === undefined || isFull() ||
          !isWithin(begun, READ_MS, clock.now());
        if (isOver || seen.size >= COMPARED) await note();
        if (isOver) break;
      }
    } catch (error) {
      // A PDS may not accept a cursor for ever: then the list starts again.
      const isRefused = cursor === resumed &&
        isAppError(error, "UPSTREAM_FAILED");
      const { cursor: _, ...rest } = last ?? { at: 0, pages };
      if (cursor !== undefined) {
        const place = isRefused ? {} : { cursor, pages };
        await this.#store(did, collection, { ...rest, ...place });
      }
      throw error;
    }
    const isCut = cursor !== undefined && isFull();
    if (isCut) log.warn("collection too large", { did, collection, pages });
    await this.#store(did, collection, {
      at: clock.now(),
      pages,
      ...(isCut ? { cut: true } : {}),
      ...(cursor !== undefined && !isCut ? { cursor } : {}),
      ...(isLeft ? { due: true } : {}),
    });
  }

  #isDue({ at, pages, due, cursor }: ListingRow): boolean {
    const { clock, relistMs } = this.#deps;
    if (due || cursor !== undefined) return true;
    const size = Math.min(Math.max(pages, FEW_PAGES), MANY_PAGES);
    return !isWithin(at, relistMs * size / MANY_PAGES, clock.now());
  }

  async #row(did: Did, collection: string): Promise<ListingRow | undefined> {
    const key = registryKeys.synced(did, collection);
    const entry = await this.#deps.kv.get<ListingRow | number>(key);
    // Earlier versions stored the time only.
    return typeof entry?.value === "number"
      ? { at: entry.value, pages: MANY_PAGES }
      : entry?.value;
  }

  async #store(
    did: Did,
    collection: string,
    row: ListingRow,
  ): Promise<void> {
    await this.#deps.kv.set(registryKeys.synced(did, collection), row);
  }
}

function extentOf(row: ListingRow | undefined): Extent {
  if (!row || row.cursor !== undefined) return "reading";
  return row.cut ? "cut" : "whole";
}
