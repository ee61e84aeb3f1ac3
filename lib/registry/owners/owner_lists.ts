/**
 * Whole collections of an owner's repo, read record by record. That is work
 * for the PDS, so that it is done seldom.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { SingleFlight } from "../../async/single_flight.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { registryKeys } from "../kv_keys.ts";
import type { OwnerReader } from "./owner_reader.ts";

/** What {@linkcode OwnerLists} needs. */
export interface OwnerListsDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  reader: Pick<OwnerReader, "list">;
  /** Age at which a collection is listed again, in milliseconds. */
  relistMs: number;
}

/** A collection is not listed again within this time, in milliseconds. */
const LIST_INTERVAL_MS = 30_000;

/** Lists collections of owners. */
export class OwnerLists {
  readonly #deps: OwnerListsDeps;
  readonly #flights = new SingleFlight();

  constructor(deps: OwnerListsDeps) {
    this.#deps = deps;
  }

  /**
   * Makes sure that a collection was listed once, and sees to it behind the
   * answer that it is listed again after a while: other services write there
   * too. `list` is told which of both it is.
   */
  async ensure(
    owner: Identity,
    collection: string,
    list: (again: boolean) => Promise<unknown>,
  ): Promise<void> {
    const { clock, log, relistMs } = this.#deps;
    const last = await this.#lastAt(owner, collection);
    if (last === undefined) await list(false);
    else if (!isWithin(last, relistMs, clock.now())) {
      list(true).catch((error) =>
        log.debug("collection not listed again", {
          did: owner.did,
          collection,
          error,
        })
      );
    }
  }

  /** When a collection was last listed, in milliseconds since the Unix epoch; undefined: never. */
  async #lastAt(
    owner: Identity,
    collection: string,
  ): Promise<number | undefined> {
    const key = registryKeys.synced(owner.did, collection);
    return (await this.#deps.kv.get<number>(key))?.value;
  }

  /**
   * Runs `each` on the records of a collection; false when that was last done
   * a moment ago. A record on which `each` throws an AppError is left out.
   *
   * Throws what `OwnerReader.list` throws.
   */
  read(
    owner: Identity,
    collection: string,
    each: (rkey: string, value: unknown) => Promise<void>,
  ): Promise<boolean> {
    const name = `${owner.did} ${collection}`;
    return this.#flights.run(name, undefined, async () => {
      const { kv, clock, log, reader } = this.#deps;
      const last = await this.#lastAt(owner, collection) ?? -Infinity;
      if (isWithin(last, LIST_INTERVAL_MS, clock.now())) return false;
      for await (const { rkey, value } of reader.list(owner, collection)) {
        await each(rkey, value).catch((error) => {
          if (!isAppError(error)) throw error;
          const { did } = owner;
          log.warn("record not indexed", { did, collection, rkey, error });
        });
      }
      await kv.set(registryKeys.synced(owner.did, collection), clock.now());
      return true;
    });
  }
}
