/**
 * Builds the event streams of the network, and connects them to the services
 * that process them.
 *
 * @module
 */

import type { JetstreamConsumer } from "../atproto/jetstream/consumer.ts";
import type { Hosting } from "../atproto/hosting/hosting.ts";
import type { AvatarService } from "../avatar/service.ts";
import { createNetworkEvents, createProfileStream } from "./avatar.ts";
import type { IndexContext } from "./index.ts";
import { type FollowDeps, followNetwork } from "./index_network.ts";
import type { SandboxNetwork } from "./network.ts";
import type { RegistryContext } from "./registry.ts";
import type { SocialContext } from "./social/social.ts";

export interface StreamsDeps extends FollowDeps {
  readonly hosting: Hosting;
}

/** A set of event streams. */
export class NetworkStreams {
  readonly #consumers: readonly JetstreamConsumer[];

  constructor(consumers: readonly JetstreamConsumer[]) {
    this.#consumers = consumers;
  }

  /** Follows all of them until `signal` is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#consumers.map((one) => one.run(signal)));
  }

  /** Processes the events since the stored cursors, in at most `limitMs` milliseconds. */
  async catchUp(signal: AbortSignal, limitMs: number): Promise<void> {
    await Promise.all(
      this.#consumers.map((one) => one.catchUp(signal, limitMs)),
    );
  }
}

/** Creates the streams of the services that run here. */
export function createStreams(
  deps: StreamsDeps,
  { avatars, index, registry, social }: {
    avatars: AvatarService | undefined;
    registry: RegistryContext | undefined;
    index: IndexContext | undefined;
    social: SocialContext | undefined;
  },
  sandbox: SandboxNetwork | undefined,
): NetworkStreams {
  const { config, hosting } = deps;
  const events = avatars &&
    createNetworkEvents(deps, config, avatars, hosting);
  const profiles = events && createProfileStream(deps, config, events);
  const ofIndex = index &&
    followNetwork(deps, {
      records: [
        ...index.handlers,
        ...social?.handlers ?? [],
        ...registry ? [registry.ownerEvents] : [],
      ],
      accounts: [...index.accounts, ...social?.accounts ?? []],
      lag: index.lag,
      // Without a stream of their own, avatars follow the known accounts.
      ...(events && !profiles
        ? {
          alsoTake: (batch) => events.take(batch),
          alsoCollections: config.avatar.profile_collections,
        }
        : {}),
    }, sandbox);
  return new NetworkStreams([
    ...profiles ? [profiles] : [],
    ...ofIndex ?? [],
  ]);
}
