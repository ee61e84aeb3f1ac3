/**
 * The signed repo of one account: records in a Merkle search tree, every
 * change a signed commit and an event (repository and sync specifications).
 *
 * @module
 */

import { MAX_WRITES } from "../atproto/pds/pds.ts";
import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { Atomic } from "../kv/kv.ts";
import { CarReader } from "./car/car.ts";
import {
  BatchTooLargeError,
  type CommitDeps,
  storeCommit,
} from "./commit_writer.ts";
import { DEFAULT_RETENTION, EventLog } from "./events/event_log.ts";
import { sweepGarbage } from "./garbage.ts";
import { announceAccount, announceIdentity, createRepo } from "./genesis.ts";
import { type Announcement, HeadQueue, observed } from "./head_queue.ts";
import { repoKeys } from "./kv_keys.ts";
import { LiveEvents } from "./events/live_events.ts";
import { StoredNodes } from "./nodes.ts";
import {
  type ListRecordsOptions,
  type RecordPage,
  RecordReader,
  type StoredRecord,
} from "./records.ts";
import { continueRestored } from "./events/restored.ts";
import type { HeadRow } from "./rows.ts";
import { TidClock } from "./tid.ts";
import { resolveWrites } from "./resolve.ts";
import {
  type ApplyOptions,
  type ApplyResult,
  DeactivatedError,
  type Head,
  type RepoDeps,
} from "./types.ts";
import { type PreparedWrite, prepareWrites, type RepoWrite } from "./writes.ts";
import { joinRows } from "../kv/joined_rows.ts";

/** How long the result of an idempotent request is kept. */
const DONE_MS = 24 * 3_600_000;

/** The repo of one account; any number of instances may write to it. */
export class Repo {
  readonly did: Did;
  /** Reads the repo as CARs. */
  readonly car: CarReader;
  /** The event log, for consumers that resume. */
  readonly log: EventLog;
  /** Live events. */
  readonly live: LiveEvents;
  readonly #records: RecordReader;
  readonly #deps: RepoDeps & CommitDeps;
  readonly #headQueue: HeadQueue;

  private constructor(deps: RepoDeps) {
    const { kv, did, clock, logger, retention = DEFAULT_RETENTION } = deps;
    const keys = repoKeys(did);
    this.did = did;
    this.log = new EventLog({ kv, keys, clock, retention });
    this.live = new LiveEvents({ log: this.log, clock, logger });
    this.#headQueue = new HeadQueue({ kv, keys, live: this.live });
    this.#records = new RecordReader({ did, kv, keys });
    const nodes = new StoredNodes(kv, keys);
    this.car = new CarReader({ kv, keys, nodes });
    this.#deps = {
      ...deps,
      keys,
      nodes,
      log: this.log,
      tids: new TidClock(clock),
    };
  }

  /**
   * Opens the repo of `deps.did`, or creates it when there is none. Announces a
   * handle or key that has changed.
   */
  static async open(deps: RepoDeps): Promise<Repo> {
    const repo = new Repo(deps);
    const { kv, keys } = repo.#deps;
    if (await kv.get(keys.head) === undefined) {
      await createRepo(repo.#deps, deps.handle);
    }
    const head = (await repo.#headQueue.head()).value;
    const rekeyed = head.signingKey !== deps.signer.didKey;
    if (rekeyed || head.handle !== deps.handle) await repo.announceIdentity();
    if (rekeyed && head.deactivated === undefined) await repo.#signAnew();
    return repo;
  }

  /** The current head. */
  async head(): Promise<Head> {
    const { cid, rev, data, seq, deactivated } =
      (await this.#headQueue.head()).value;
    return { cid, rev, data, seq, active: deactivated === undefined };
  }

  /** The record, or undefined when there is none. Throws AppError `INVALID_REQUEST` for bad names. */
  getRecord(
    collection: string,
    rkey: string,
  ): Promise<StoredRecord | undefined> {
    return this.#records.get(collection, rkey);
  }

  /** One page of a collection. Throws AppError `INVALID_REQUEST` for a bad collection or cursor. */
  listRecords(
    collection: string,
    options: ListRecordsOptions = {},
  ): Promise<RecordPage> {
    return this.#records.list(collection, options);
  }

  /** All records of a collection, lowest key first. */
  allRecords(collection: string): AsyncGenerator<StoredRecord> {
    return this.#records.all(collection);
  }

  /** The collections with at least one record, in the order of their names. */
  collections(): Promise<string[]> {
    return this.#records.collections();
  }

  /**
   * Applies all `writes` in one signed commit, or none. Durable when it
   * resolves. Writes that change nothing (a delete of a missing record, a put
   * of an identical one) are skipped; when none remains there is no commit.
   *
   * Throws AppError `INVALID_REQUEST` for more than 200 writes, bad names and
   * invalid records, also when a blob is missing (`BlobNotFound`); `CONFLICT`
   * when a record to create exists, one to update does not, or a swap fails;
   * `TOO_LARGE` when the commit does not fit into one change of the store;
   * `UNAVAILABLE` when other instances keep changing the head, and
   * {@linkcode DeactivatedError} while the account is deactivated.
   */
  async apply(
    writes: readonly RepoWrite[],
    options: ApplyOptions = {},
  ): Promise<ApplyResult> {
    if (writes.length > MAX_WRITES) {
      throw new AppError(
        "INVALID_REQUEST",
        `${writes.length} writes are too many for one commit; send at most ${MAX_WRITES}.`,
      );
    }
    return await this.#write(await prepareWrites(this.#deps, writes), options);
  }

  /**
   * Applies any number of `writes` in as few commits as possible, in order. Not
   * atomic: after an error, earlier commits stay. Throws like
   * {@linkcode apply}.
   */
  async applyAll(
    writes: readonly RepoWrite[],
    options: Pick<ApplyOptions, "missingBlobs"> = {},
  ): Promise<ApplyResult[]> {
    const results: ApplyResult[] = [];
    const commit = async (part: readonly PreparedWrite[]): Promise<void> => {
      try {
        results.push(await this.#write(part, options));
      } catch (error) {
        if (!(error instanceof BatchTooLargeError) || part.length < 2) {
          throw error;
        }
        const half = Math.ceil(part.length / 2);
        await commit(part.slice(0, half));
        await commit(part.slice(half));
      }
    };
    const prepared = await prepareWrites(this.#deps, writes);
    for (let i = 0; i < prepared.length; i += MAX_WRITES) {
      await commit(prepared.slice(i, i + MAX_WRITES));
    }
    return results;
  }

  /** Throws AppError when {@linkcode apply} would refuse `write` as invalid. */
  async assertWrite(write: RepoWrite): Promise<void> {
    await prepareWrites(this.#deps, [write]);
  }

  /** Makes consumers read handle, key and endpoint again. */
  async announceIdentity(): Promise<void> {
    const { handle } = this.#deps;
    await this.#announce((head) => announceIdentity(this.#deps, head, handle));
  }

  /**
   * Deactivates or reactivates the account and announces it. While it is
   * deactivated, its repo is not served and accepts no writes. Does nothing
   * when the state is unchanged.
   */
  async setActive(active: boolean): Promise<void> {
    const { handle, signer } = this.#deps;
    await this.#announce((head) => {
      const isSo = active === (head.value.deactivated === undefined);
      return isSo
        ? Promise.resolve([])
        : announceAccount(this.#deps, head, { active, handle });
    });
    const { signingKey } = (await this.#headQueue.head()).value;
    if (active && signingKey !== signer.didKey) await this.#signAnew();
  }

  /** Continues the event numbers after a backup was restored; see {@linkcode continueRestored}. */
  restored(): Promise<number> {
    return continueRestored(this.#deps, this.#headQueue);
  }

  /**
   * Removes events beyond the retention and content that has been unreachable
   * for more than an hour. Call it every few minutes. Returns how many rows
   * were removed.
   */
  async sweep(): Promise<number> {
    const events = await this.log.sweep();
    return events + await sweepGarbage(this.#deps, this.#headQueue.take);
  }

  /** Stops following other instances; nothing else is open. */
  close(): void {
    this.live.close();
  }

  async #write(
    writes: readonly PreparedWrite[],
    options: ApplyOptions,
  ): Promise<ApplyResult> {
    const { kv, keys } = this.#deps;
    const { idempotencyKey, swapCommit, also } = options;
    const done = idempotencyKey === undefined
      ? undefined
      : keys.done(idempotencyKey);
    return await observed(
      this.#deps.observer,
      this.#headQueue,
      async (head) => {
        const first = done && await kv.get<ApplyResult>(done);
        if (first !== undefined) return { result: first.value, events: [] };
        if (swapCommit !== undefined && swapCommit !== head.value.cid) {
          throw new AppError(
            "CONFLICT",
            `The head of the repo is ${head.value.cid} and not ${swapCommit}; read the repo again.`,
          );
        }
        const { changes, results } = await resolveWrites(
          this.#deps,
          writes,
          options,
        );
        const resultAt = ({ rev, cid, seq }: HeadRow): ApplyResult => ({
          rev,
          cid,
          seq,
          results,
        });
        const remember = (atomic: Atomic, at: HeadRow) => {
          joinRows(atomic, also?.(resultAt(at)) ?? []);
          if (done === undefined) return;
          const expiresAt = this.#deps.clock.now() + DONE_MS;
          atomic.set(done, resultAt(at), { expiresAt });
        };
        if (changes.length === 0) {
          const unchanged = { result: resultAt(head.value), events: [] };
          if (done === undefined && !also) return unchanged;
          const atomic = kv.atomic().check(keys.head, head.versionstamp);
          remember(atomic, head.value);
          return await atomic.commit() ? unchanged : undefined;
        }
        if (head.value.deactivated) throw new DeactivatedError(this.did);
        const stored = await storeCommit(this.#deps, head, changes, remember);
        return stored &&
          { result: resultAt(stored.head), events: stored.events };
      },
    );
  }

  /** Signs the current repo with the current key. */
  async #signAnew(): Promise<void> {
    await this.#headQueue.change(async (head) => {
      const stored = await storeCommit(this.#deps, head, []);
      return stored && { result: undefined, events: stored.events };
    });
  }

  /** Stores the events that `make` creates for the head. */
  async #announce(make: Announcement): Promise<void> {
    await this.#headQueue.change(async (head) => {
      const events = await make(head);
      return events && { result: undefined, events };
    });
  }
}
