/**
 * Follows changes of profiles, handles and accounts, so that a new picture is
 * shown at once however long profiles are cached.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { JetstreamBatch } from "../atproto/jetstream/jetstream.ts";
import type { JetstreamEvent } from "../atproto/jetstream/jetstream_event.ts";
import type { AvatarObserver } from "./observer.ts";
import type { AccountChange } from "./profiles.ts";

export interface NetworkEventsDeps {
  /** The avatar service. */
  readonly avatars: {
    invalidate(did: Did, change: AccountChange): Promise<void>;
  };
  readonly observer: Pick<AvatarObserver, "networkEvents">;
  /** Collections of profile records that may contain a picture. */
  readonly collections: readonly string[];
}

/** Accounts processed concurrently. */
const PARALLEL = 16;

/** Processes events of the network. */
export class NetworkEvents {
  readonly #deps: NetworkEventsDeps;

  constructor(deps: NetworkEventsDeps) {
    this.#deps = deps;
  }

  /** Processes each account once for all of its events. */
  async take({ events, ignored }: JetstreamBatch): Promise<void> {
    const changes = new Map<Did, AccountChange>();
    const counts = { commit: 0, identity: 0, account: 0, ignored };
    for (const event of events) {
      if (!this.#wants(event)) {
        counts.ignored++;
        continue;
      }
      // A repo that was reset may have another profile, as after a commit.
      counts[event.kind === "sync" ? "commit" : event.kind]++;
      const before = changes.get(event.did);
      changes.set(event.did, {
        identity: event.kind === "identity" || event.kind === "account" ||
          (before?.identity ?? false),
        gone: event.kind === "account" ? !event.active : before?.gone ?? false,
      });
    }
    this.#deps.observer.networkEvents(counts);
    const queue = changes.entries();
    await Promise.all(Array.from({ length: PARALLEL }, async () => {
      for (const [did, change] of queue) {
        await this.#deps.avatars.invalidate(did, change);
      }
    }));
  }

  #wants(event: JetstreamEvent): boolean {
    return event.kind !== "commit" ||
      this.#deps.collections.includes(event.collection);
  }
}
