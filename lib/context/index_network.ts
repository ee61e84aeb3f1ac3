/**
 * Creates the streams of the index.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { RepoDirectory } from "../atproto/hosting/repo_directory.ts";
import { RepoStatusReader } from "../atproto/hosting/repo_status.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import {
  type ConsumerDeps,
  type ConsumerOptions,
  JetstreamConsumer,
} from "../atproto/jetstream/consumer.ts";
import {
  type JetstreamBatch,
  MAX_DIDS,
  readJetstream,
} from "../atproto/jetstream/jetstream.ts";
import type { PdsReader } from "../atproto/pds/pds.ts";
import type { PdsSilence } from "../atproto/pds/pds_pace.ts";
import type { Config } from "../config/config.ts";
import type { Did } from "../did.ts";
import { isOurs } from "../index/network/dispatcher.ts";
import { networkKeys, streamLease } from "../index/network/kv_keys.ts";
import type { NetworkLag } from "../index/network/network_lag.ts";
import { IndexNetwork } from "../index/network/network.ts";
import type { AccountHandler, RecordHandler } from "../index/record_change.ts";
import type { JobRunner } from "../kv/jobs/job_runner.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import { type SandboxNetwork, userAgent } from "./network.ts";
import type { Platform } from "./platform.ts";

export interface FollowDeps extends Platform {
  readonly config: Config;
  readonly jobs: JobRunner;
  readonly fetch: GuardedFetch;
  readonly identities: IdentityResolver;
  readonly pds: PdsReader;
  readonly silence: PdsSilence;
}

/** Parts of the index that follow the network. */
export interface Followers {
  readonly records: readonly RecordHandler[];
  readonly accounts: readonly AccountHandler[];
  /** Processes each batch as well, with commits of `alsoCollections` of known accounts. */
  readonly alsoTake?: (batch: JetstreamBatch) => Promise<void>;
  readonly alsoCollections?: readonly string[];
  /** Notes whether events arrive. */
  readonly lag: NetworkLag;
}

/** Servers replay 36 hours, and do not report when more is requested; milliseconds. */
const MAX_REPLAY_MS = 34 * 3_600_000;
/** Some account of the network changes every second, so silence means a failure; milliseconds. */
const SILENCE_MS = 300_000;
/** How often the list of known accounts is checked for changes; milliseconds. */
const ACCOUNTS_CHECK_MS = 5_000;

/**
 * Creates the streams of the index: records of registries and holds of all
 * accounts, and other records of known accounts, the first ones by DID where
 * there are more than a server can filter by. None if there are no parts or no
 * servers.
 */
export function followNetwork(
  deps: FollowDeps,
  followers: Followers,
  sandbox: SandboxNetwork | undefined,
): JetstreamConsumer[] {
  const { config, clock } = deps;
  if (followers.records.length === 0) return [];
  const { urls, relay } = serversOf(config, sandbox);
  const network = createNetwork(deps, followers, relay);
  if (urls.length === 0) return [];
  const { alsoTake, alsoCollections = [], lag } = followers;
  const take = async (batch: JetstreamBatch) => {
    await Promise.all([network.take(batch), alsoTake?.(batch)]);
  };
  const read: Read = (url, cursor, signal, filter) =>
    readJetstream(
      { url, cursor, userAgent: userAgent(config), ...filter },
      clock,
      signal,
    );
  const collections = network.collections.filter(isOurs);
  const streams = [
    createStream(deps, urls, {
      name: "index",
      silenceMs: SILENCE_MS,
      take: async (batch) => {
        await take(batch);
        await lag.taken(batch);
      },
      open: async function* (...place) {
        await network.noteCollections();
        yield* lag.watch(read(...place, { collections }));
      },
      onGap: (commit) => network.listAll(commit),
    }),
  ];
  const others = [
    ...new Set([...network.collections, ...alsoCollections]),
  ].filter((collection) => !isOurs(collection));
  if (others.length > 0) {
    streams.push(createStream(deps, urls, {
      name: "known accounts",
      take,
      open: (...place) => readKnown(network, clock, others, read, place),
    }));
  }
  return streams;
}

function createNetwork(
  deps: FollowDeps,
  followers: Followers,
  relay: string | undefined,
): IndexNetwork {
  const { config, fetch, jobs, metrics, silence } = deps;
  return new IndexNetwork({
    ...deps,
    ...followers,
    runner: jobs,
    heads: new RepoStatusReader(fetch, silence),
    relay: relay === undefined ? undefined : new RepoDirectory(fetch, relay),
    observer: metrics.network,
    maxRecords: config.index.max_records_per_account,
  });
}

function createStream(
  deps: FollowDeps,
  urls: readonly string[],
  { name, silenceMs, ...parts }:
    & Pick<ConsumerDeps, "open" | "onGap" | "take">
    & Pick<ConsumerOptions, "name" | "silenceMs">,
): JetstreamConsumer {
  return new JetstreamConsumer(
    { ...deps, observer: deps.metrics.streams, ...parts },
    {
      name,
      urls,
      lease: streamLease(name),
      placeKey: networkKeys.place(name),
      maxReplayMs: MAX_REPLAY_MS,
      ...(silenceMs === undefined ? {} : { silenceMs }),
    },
  );
}

type Place = Parameters<ConsumerDeps["open"]>;
type Read = (
  ...place: [
    ...Place,
    filter: { collections: readonly string[]; dids?: readonly Did[] },
  ]
) => AsyncIterable<JetstreamBatch>;

/** The stream servers and the relay. */
function serversOf(
  { index }: Config,
  sandbox: SandboxNetwork | undefined,
): { urls: readonly string[]; relay: string | undefined } {
  const own = sandbox?.relay;
  const { jetstream_urls: urls, relay_url: relay } = index;
  if (!index.follow) return { urls: [], relay: undefined };
  const asked = index.backfill ? relay ?? own : undefined;
  if (own === undefined) return { urls, relay: asked };
  const stream = new URL(
    "/xrpc/network.bsky.jetstream.subscribeEvents",
    own.replace(/^http/, "ws"),
  );
  return { urls: urls.length > 0 ? urls : [stream.href], relay: asked };
}

/** Reads commits of the known accounts; ends when another account becomes known. */
async function* readKnown(
  { accounts }: IndexNetwork,
  clock: Clock,
  collections: readonly string[],
  read: Read,
  [url, cursor, signal]: Place,
): AsyncGenerator<JetstreamBatch> {
  const met = await accounts.met();
  // The last connection did not include accounts that became known since.
  const since = (clock.now() - 4 * ACCOUNTS_CHECK_MS) * 1000;
  const from = Math.min(cursor ?? since, since);
  const dids: Did[] = [];
  for await (const { did } of accounts.list(MAX_DIDS)) dids.push(did);
  const others = new AbortController();
  const ended = AbortSignal.any([signal, others.signal]);
  const watching = (async () => {
    while (!ended.aborted) {
      await clock.sleep(ACCOUNTS_CHECK_MS, ended);
      if (!ended.aborted && await accounts.met() !== met) others.abort();
    }
  })();
  // The store may be away; nobody waits for this yet, and the error is thrown at the end.
  watching.catch(() => others.abort());
  try {
    // Without a filter events of all accounts would be sent.
    if (dids.length === 0) return await watching;
    const batches = read(url, from, ended, { collections, dids });
    for await (const { events, ...rest } of batches) {
      // The other stream has everything else.
      const commits = events.filter(({ kind }) => kind === "commit");
      yield { ...rest, events: commits };
    }
  } finally {
    others.abort();
    await watching;
  }
}
