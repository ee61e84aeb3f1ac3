/**
 * Reads whole collections of an owner's repo. That is expensive for the PDS, so
 * it is done rarely.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { SingleFlight } from "../../async/single_flight.ts";
import { type Clock, isWithin } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ListedRecord, OwnerReader } from "./owner_reader.ts";

/**
 * Counts a request to another server towards the caller's limit; throws when
 * the limit is exceeded.
 */
export type Admit = () => Promise<void>;

export interface OwnerListsDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  reader: Pick<OwnerReader, "pages">;
  /** Age at which a collection is listed again, in milliseconds. */
  relistMs: number;
}

/** A collection is not listed again within this time, in milliseconds. */
const LIST_INTERVAL_MS = 30_000;

/** Collections read concurrently; others wait. */
const MAX_LISTS = 8;

/** Lists collections of owners. */
export class OwnerLists {
  readonly #deps: OwnerListsDeps;
  readonly #flights = new SingleFlight();
  readonly #slots = new Semaphore(MAX_LISTS);

  constructor(deps: OwnerListsDeps) {
    this.#deps = deps;
  }

  /**
   * Ensures that a collection was listed once, and lists it again in the
   * background after a while, because other services write there too.
   */
  async ensure(
    owner: Identity,
    collection: string,
    list: () => Promise<unknown>,
  ): Promise<void> {
    const { clock, log, relistMs } = this.#deps;
    const last = await this.#lastAt(owner, collection);
    if (last === undefined) await list();
    else if (!isWithin(last, relistMs, clock.now())) {
      list().catch((error) =>
        log.debug("collection not listed again", {
          did: owner.did,
          collection,
          error,
        })
      );
    }
  }

  /**
   * When a collection was last listed, in milliseconds since the Unix epoch;
   * undefined for never.
   */
  async #lastAt(
    owner: Identity,
    collection: string,
  ): Promise<number | undefined> {
    const key = registryKeys.synced(owner.did, collection);
    return (await this.#deps.kv.get<number>(key))?.value;
  }

  /**
   * Runs `each` on the records of a collection, page by page, with the result
   * of `before`, which is called before the page is read; returns false when
   * the collection was listed recently. Throws the errors of
   * `OwnerReader.pages`, and those of `admit`, which is awaited before each
   * page.
   */
  read<T>(
    owner: Identity,
    collection: string,
    before: () => Promise<T>,
    each: (page: readonly ListedRecord[], before: T) => Promise<void>,
    admit?: Admit,
  ): Promise<boolean> {
    const name = `${owner.did} ${collection}`;
    return this.#flights.run(name, undefined, async () => {
      const { kv, clock, reader } = this.#deps;
      const last = await this.#lastAt(owner, collection) ?? -Infinity;
      if (isWithin(last, LIST_INTERVAL_MS, clock.now())) return false;
      return await this.#slots.run("", undefined, async () => {
        const pages = reader.pages(owner, collection);
        for (;;) {
          await admit?.();
          const known = await before();
          const page = await pages.next();
          if (page.done) break;
          await each(page.value, known);
        }
        await kv.set(registryKeys.synced(owner.did, collection), clock.now());
        return true;
      });
    });
  }
}
