/**
 * What an instance of the program does to follow the network, with a part of
 * the index that remembers what it was given in the store.
 *
 * @module
 */

import { PdsClient } from "../../lib/atproto/pds/pds_client.ts";
import { PdsSilence } from "../../lib/atproto/pds/pds_pace.ts";
import type { Clock } from "../../lib/clock.ts";
import { loadConfig } from "../../lib/config/config.ts";
import { followNetwork } from "../../lib/context/index_network.ts";
import { NetworkLag } from "../../lib/index/network/network_lag.ts";
import { NetworkStreams } from "../../lib/context/streams.ts";
import { openIdentities } from "../../lib/context/network.ts";
import type { Did } from "../../lib/did.ts";
import type {
  AccountHandler,
  RecordChange,
} from "../../lib/index/record_change.ts";
import { JobRunner } from "../../lib/kv/jobs/job_runner.ts";
import type { Kv } from "../../lib/kv/kv.ts";
import { Metrics } from "../../lib/metrics.ts";
import { createGuardedFetch } from "../../lib/net/guarded_fetch.ts";
import { silentLogger } from "../../lib/testing_log.ts";

/** Where the network is. */
export interface FollowedNetwork {
  readonly pds: string;
  readonly plc: string;
  readonly relay: string;
}

/** Keeps the CID of each record that is there, and what was said of accounts. */
class StoringHandler implements AccountHandler {
  readonly collections = ["io.atcr.sailor.star", "app.bsky.actor.profile"];
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  async apply(change: RecordChange): Promise<void> {
    const { did, collection, rkey } = change;
    const key = ["test", "record", `${did}/${collection}/${rkey}`];
    const commit = this.#kv.atomic().sum(["test", "applied"], 1n);
    if (change.record === undefined) commit.delete(key);
    else commit.set(key, change.cid);
    await commit.commit();
  }

  async account(did: Did, status: string): Promise<void> {
    await this.#kv.set(["test", "status", did], status);
  }

  async identity(did: Did, handle: string | undefined): Promise<void> {
    await this.#kv.set(["test", "handle", did], handle ?? "");
  }
}

/** An instance that follows the network. */
export class Follower implements AsyncDisposable {
  readonly metrics = new Metrics();
  readonly streams: NetworkStreams;
  readonly #kv: Kv;
  readonly #runner: JobRunner;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /**
   * @param clock the one that `kv` goes by.
   * @param stream address of another server than the sandbox's own.
   */
  constructor(
    network: FollowedNetwork,
    kv: Kv,
    clock: Clock,
    stream?: string,
  ) {
    this.#kv = kv;
    const platform = { kv, clock, log: silentLogger, metrics: this.metrics };
    const config = loadConfig({
      args: [],
      env: {
        ATCR_SANDBOX_ENABLED: "true",
        ...(stream === undefined ? {} : { ATCR_INDEX_JETSTREAM_URLS: stream }),
      },
      readTextFile: () => "",
    });
    const fetch = createGuardedFetch({
      userAgent: "test",
      allowedOrigins: [network.pds, network.plc, network.relay],
      clock,
    });
    this.#runner = new JobRunner({ ...platform, pollMs: 500 });
    const handler = new StoringHandler(kv);
    this.streams = new NetworkStreams(followNetwork(
      {
        ...platform,
        config,
        fetch,
        jobs: this.#runner,
        identities: openIdentities(config, {
          ...platform,
          fetch,
          sandbox: network,
        }),
        pds: new PdsClient(fetch),
        silence: new PdsSilence(clock),
      },
      {
        records: [handler],
        accounts: [handler],
        lag: new NetworkLag(platform),
      },
      network,
    ));
  }

  /** Follows in the background. */
  start(): this {
    this.#runner.start();
    this.#running = this.streams.run(this.#stopping.signal);
    return this;
  }

  /** Does due jobs, for an instance that was not started. */
  async work(): Promise<void> {
    await this.#runner.runDue();
  }

  /** The records that are there: CIDs by path. */
  async records(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const rows = this.#kv.list<string>({ prefix: ["test", "record"] });
    for await (const { key, value } of rows) {
      found.set(String(key.at(-1)), value);
    }
    return found;
  }

  /** How many changes were applied by all instances of the store. */
  async applied(): Promise<number> {
    return Number(await this.#kv.counter(["test", "applied"]));
  }

  /** What was said last of an account. */
  async said(
    what: "status" | "handle",
    did: string,
  ): Promise<string | undefined> {
    return (await this.#kv.get<string>(["test", what, did]))?.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await this.#runner.stop();
  }
}
