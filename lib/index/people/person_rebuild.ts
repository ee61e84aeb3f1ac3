/**
 * Makes what is known of an account again from the network.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { actorOf, type ActorRow, EMPTY_ACTOR } from "./actor_rows.ts";
import { Actors, type ActorsDeps } from "./actors.ts";
import { peopleKeys } from "./kv_keys.ts";

/** Rebuilds one account after the other. */
export class PersonRebuild {
  readonly #deps: ActorsDeps;
  readonly #actors: Actors;

  constructor(deps: ActorsDeps) {
    this.#deps = deps;
    this.#actors = new Actors(deps);
  }

  /**
   * Looks an account up and calls `onChanged`, also where its row is right:
   * what follows from it may be lost. Throws AppError when the account's
   * servers cannot be asked.
   */
  async run(did: Did, signal: AbortSignal): Promise<void> {
    const { kv, avatarUrl, onChanged } = this.#deps;
    const key = peopleKeys.actor(did);
    await kv.atomic().check(key, null).set(key, EMPTY_ACTOR).commit();
    await this.#actors.lookUp(did, signal);
    const row = await kv.get<ActorRow>(key);
    if (row) await onChanged(actorOf(did, row.value, avatarUrl(did)));
  }
}
