/**
 * A network of made-up repos, and what an index hears of it.
 *
 * @module
 */

import { now as nextTid } from "@atcute/tid";
import type { Did } from "../../did.ts";
import type { RepoStatus } from "../../atproto/hosting/repo_status.ts";
import type { JetstreamEvent } from "../../atproto/jetstream/jetstream_event.ts";
import { AppError } from "../../errors.ts";
import { DenoKv } from "../../kv/deno_kv.ts";
import { JobRunner } from "../../kv/jobs/job_runner.ts";
import { settle } from "../../kv/testing.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { AccountHandler, RecordChange } from "../record_change.ts";
import { IndexNetwork } from "./network.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

export const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
export const BOB: Did = "did:plc:z72i7hdynmk6r22z27h6tvur";
export const STAR = "io.atcr.sailor.star";
export const TAG = "io.atcr.tag";
export const PROFILE = "app.bsky.actor.profile";

interface FakeRepo {
  status: RepoStatus;
  handle: string | undefined;
  rev: string;
  /** By collection and key, with a slash between them. */
  readonly records: Map<string, { cid: string; value: unknown }>;
}

/** Repos, and the events of what is done to them. */
export class FakeRepos {
  readonly repos = new Map<Did, FakeRepo>();
  /** Everything that happened, in order. */
  readonly events: JetstreamEvent[] = [];
  /** While true the PDSes do not answer. */
  down = false;
  relayIsDown = false;
  listings = 0;
  readonly #clock: ManualClock;
  #cids = 0;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  repo(did: Did): FakeRepo {
    let repo = this.repos.get(did);
    if (!repo) {
      const rev = nextTid();
      repo = { status: "active", handle: undefined, rev, records: new Map() };
      this.repos.set(did, repo);
    }
    return repo;
  }

  /** Writes a record, or deletes it when `value` is undefined; returns the event. */
  write(
    did: Did,
    collection: string,
    rkey: string,
    value: unknown,
  ): JetstreamEvent {
    const repo = this.repo(did);
    const path = `${collection}/${rkey}`;
    const operation = value === undefined
      ? "delete"
      : repo.records.has(path)
      ? "update"
      : "create";
    repo.rev = nextTid();
    const cid = value === undefined
      ? undefined
      : `bafyreifakecid${++this.#cids}`
        .padEnd(59, "a") + this.#cids;
    if (cid === undefined) repo.records.delete(path);
    else repo.records.set(path, { cid, value });
    return this.#tell({
      ...this.#head(did),
      kind: "commit",
      operation,
      collection,
      rkey,
      rev: repo.rev,
      cid,
      record: value,
    });
  }

  star(did: Did, rkey: string, of = "app"): JetstreamEvent {
    return this.write(did, STAR, rkey, starOf(of));
  }

  setStatus(did: Did, status: RepoStatus): JetstreamEvent {
    this.repo(did).status = status;
    const active = status === "active";
    return this.#tell({
      ...this.#head(did),
      kind: "account",
      active,
      status: active ? undefined : status,
    });
  }

  tell(did: Did, kind: "identity" | "sync"): JetstreamEvent {
    return this.#tell({ ...this.#head(did), kind });
  }

  /** What the listing needs of the network. */
  readonly parts = {
    identities: {
      resolve: (did: string) => {
        const repo = this.repos.get(did as Did);
        if (this.down) return Promise.reject(noAnswer());
        if (!repo || repo.status === "deleted") {
          return Promise.reject(new AppError("NAME_UNKNOWN", "No such DID."));
        }
        return Promise.resolve(
          identityOf(did as Did, {
            handle: repo.handle,
            pds: "https://pds.example.com",
          }),
        );
      },
    },
    heads: {
      head: (_pds: string, did: Did) => {
        const { status, rev } = this.repo(did);
        const isShown = status === "active";
        return Promise.resolve({ status, rev: isShown ? rev : undefined });
      },
    },
    pds: {
      listCollections: (_pds: string, did: Did) => {
        if (this.down) return Promise.reject(noAnswer());
        const paths = [...this.repo(did).records.keys()];
        return Promise.resolve([
          ...new Set(paths.map((path) => path.split("/")[0] ?? "")),
        ]);
      },
      listRecords: (
        _pds: string,
        did: Did,
        collection: string,
        { cursor = "" }: { cursor?: string } = {},
      ) => {
        if (this.down) return Promise.reject(noAnswer());
        this.listings++;
        const prefix = `${collection}/`;
        const all = [...this.repo(did).records].filter(([path]) =>
          path.startsWith(prefix) && path.slice(prefix.length) > cursor
        ).toSorted(([a], [b]) => a < b ? -1 : 1);
        const page = all.slice(0, 3);
        return Promise.resolve({
          records: page.map(([path, { cid, value }]) => ({
            uri: `at://${did}/${path}`,
            cid,
            value: value as Record<string, unknown>,
          })),
          cursor: all.length > 3
            ? page.at(-1)?.[0].slice(prefix.length)
            : undefined,
        });
      },
    },
  };

  #head(did: Did): Pick<JetstreamEvent, "did" | "timeUs"> {
    return { did, timeUs: this.#clock.now() * 1000 + this.events.length };
  }

  #tell(event: JetstreamEvent): JetstreamEvent {
    this.events.push(event);
    return event;
  }
}

/** A star for a repository of Bob's. */
export function starOf(repository: string): Record<string, unknown> {
  return {
    $type: STAR,
    subject: `at://${BOB}/io.atcr.repo.page/${repository}`,
    createdAt: "2026-01-01T00:00:00Z",
  };
}

/** A part of the index that remembers what it was given. */
export class RecordingHandler implements AccountHandler {
  readonly collections = [STAR, TAG, PROFILE];
  readonly changes: RecordChange[] = [];
  /** CIDs of the records that are there, by DID, collection and key. */
  readonly records = new Map<string, string | undefined>();
  readonly heard: string[] = [];
  /** Called before each change. */
  before: (change: RecordChange) => void = () => {};

  apply(change: RecordChange): Promise<void> {
    this.before(change);
    this.changes.push(change);
    const path = `${change.did}/${change.collection}/${change.rkey}`;
    if (change.record === undefined) this.records.delete(path);
    else this.records.set(path, change.cid);
    return Promise.resolve();
  }

  account(did: Did, status: string): Promise<void> {
    this.heard.push(`${did === ALICE ? "alice" : "bob"} ${status}`);
    return Promise.resolve();
  }

  identity(did: Did, handle: string | undefined): Promise<void> {
    return this.account(did, `is ${handle}`);
  }
}

/** An index, the network that it follows, and the time. */
export class NetworkRig implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly repos = new FakeRepos(this.clock);
  readonly handler = new RecordingHandler();
  readonly counts: Record<string, number> = {};
  readonly kv: DenoKv;
  /** Pages of the relay; none: there is no relay. */
  relayPages: Did[][] | undefined;
  maxRecords = 100;
  network: IndexNetwork;
  runner: JobRunner;

  private constructor(kv: Deno.Kv) {
    this.kv = new DenoKv(kv, this.clock);
    [this.network, this.runner] = this.#start();
  }

  static async start(): Promise<NetworkRig> {
    return new NetworkRig(await Deno.openKv(":memory:"));
  }

  /** A further instance, or the next one after a restart. */
  restart(): void {
    [this.network, this.runner] = this.#start();
  }

  async take(...events: JetstreamEvent[]): Promise<void> {
    await this.network.take({ events, ignored: 0 });
  }

  /** Does the jobs that are due. */
  async work(limit?: number): Promise<number> {
    return await this.runner.runDue(limit);
  }

  async listAll(): Promise<void> {
    const commit = this.kv.atomic();
    this.network.listAll(commit);
    await commit.commit();
  }

  /** What the repos that are shown have, as the handler should have it. */
  expected(): Map<string, string | undefined> {
    return new Map(
      [...this.repos.repos].flatMap(([did, { records }]) =>
        [...records].map(([path, { cid }]) => [`${did}/${path}`, cid] as const)
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await settle(this.kv);
    this.kv.close();
  }

  #start(): [IndexNetwork, JobRunner] {
    const { kv, clock, handler, maxRecords } = this;
    const runner = new JobRunner({ kv, clock, log: silentLogger });
    const count = (name: string, by = 1) => {
      this.counts[name] = (this.counts[name] ?? 0) + by;
    };
    const network = new IndexNetwork({
      kv,
      clock,
      log: silentLogger,
      runner,
      ...this.repos.parts,
      relay: this.relayPages && {
        listRepos: (_collection, { cursor }) => {
          if (this.repos.relayIsDown) return Promise.reject(noAnswer());
          const i = Number(cursor ?? 0);
          const isLast = i + 1 >= (this.relayPages?.length ?? 0);
          return Promise.resolve({
            dids: this.relayPages?.[i] ?? [],
            cursor: isLast ? undefined : `${i + 1}`,
          });
        },
      },
      records: [handler],
      accounts: [handler],
      observer: {
        eventsTaken: () => {},
        change: count,
        listed: count,
      },
      maxRecords,
    });
    return [network, runner];
  }
}

function noAnswer(): AppError {
  return new AppError("UPSTREAM_FAILED", "The server does not answer.");
}
