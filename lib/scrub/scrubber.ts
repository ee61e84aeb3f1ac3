/**
 * Rereads stored content, at a bounded rate, to find bit rot. A full run stores
 * its progress in KV, so that an interrupted run continues where it stopped. It
 * is safe beside a running server: it only reads, and hides damaged items as
 * the server would.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { AppError, operatorMessage } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import { lastKey, progressKey } from "./kv_keys.ts";
import { Pacer } from "./pacer.ts";
import {
  newReport,
  type ScrubFinding,
  type ScrubReport,
  withOutcome,
} from "./report.ts";
import type { ScrubItem, ScrubSource } from "./source.ts";

export interface ScrubberDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  sources: readonly ScrubSource[];
}

/** Options of a scrub. */
export interface ScrubOptions {
  /** Bytes read in a second, at most. */
  readonly bytesPerSecond: number;
  readonly signal?: AbortSignal;
  /** Called for each problem as it is found. */
  readonly onFinding?: (finding: ScrubFinding) => void;
  /** Called after each item with the report so far. */
  readonly onChecked?: (report: ScrubReport) => void;
}

/** Where an interrupted run continues. */
interface Progress {
  /** Name of the source. */
  readonly source: string;
  /** The last item that was checked. */
  readonly after: string | undefined;
  readonly report: ScrubReport;
}

/** How often progress is stored, in milliseconds. */
const SAVE_MS = 5_000;

/** After this many consecutive unreadable items the store is considered unavailable. */
const MAX_UNREAD = 10;

/** Scrubs all sources. */
export class Scrubber {
  readonly #deps: ScrubberDeps;

  constructor(deps: ScrubberDeps) {
    this.#deps = deps;
  }

  /** The report of the last completed scrub. */
  async last(): Promise<ScrubReport | undefined> {
    return (await this.#deps.kv.get<ScrubReport>(lastKey))?.value;
  }

  /** The report so far of a full run that was interrupted or is still running. */
  async pending(): Promise<ScrubReport | undefined> {
    return (await this.#deps.kv.get<Progress>(progressKey))?.value.report;
  }

  /**
   * Checks everything, from where an interrupted run stopped unless `restart`
   * is set. Throws AppError `UNAVAILABLE` when the store cannot be read any
   * more, and the reason of `signal`; the next run continues there.
   */
  async run(
    options: ScrubOptions & { readonly restart?: boolean },
  ): Promise<ScrubReport> {
    const { kv, clock, sources } = this.#deps;
    const found = options.restart
      ? undefined
      : (await kv.get<Progress>(progressKey))?.value;
    const first = sources.findIndex(({ name }) => name === found?.source);
    const known = first < 0 ? undefined : found;
    const walk = new Walk(
      this.#deps,
      options,
      known?.report ?? newReport("everything", clock.now()),
    );
    for (const source of sources.slice(Math.max(0, first))) {
      let after = source.name === known?.source ? known.after : undefined;
      let savedAt = clock.now();
      for await (const item of source.items(after)) {
        const sound = await walk.check(source.name, item);
        after = item.id;
        const age = clock.now() - savedAt;
        // Progress stays before items that could not be read, so that the next run retries them.
        if (!sound || (age >= 0 && age < SAVE_MS)) continue;
        await this.#save({ source: source.name, after, report: walk.report });
        savedAt = clock.now();
      }
      await this.#save({ source: source.name, after, report: walk.report });
    }
    return await this.#finish(walk.report, true);
  }

  /** Checks `count` items of each source, chosen at random. */
  async sample(
    options: ScrubOptions & {
      readonly count: number;
      /** Whether to store the report as the last one; true by default. */
      readonly keep?: boolean;
      /** Skips items that would exceed this many bytes read; no limit by default. */
      readonly maxBytes?: number;
    },
  ): Promise<ScrubReport> {
    const { clock, sources } = this.#deps;
    const { count, keep = true, maxBytes = Infinity } = options;
    const walk = new Walk(
      this.#deps,
      options,
      newReport("sample", clock.now()),
    );
    for (const source of sources) {
      let left = count;
      const begin = source.randomId();
      const seen = new Set<string>();
      for (const after of [begin, undefined]) {
        if (left === 0) break;
        for await (const item of source.items(after)) {
          if (seen.has(item.id)) break;
          seen.add(item.id);
          if (walk.bytes + (item.size ?? 0) <= maxBytes) {
            await walk.check(source.name, item);
          }
          if (--left === 0) break;
        }
      }
    }
    const report = { ...walk.report, finishedAt: clock.now() };
    return keep ? await this.#finish(report, false) : report;
  }

  #save(progress: Progress): Promise<void> {
    return this.#deps.kv.set(progressKey, progress);
  }

  async #finish(report: ScrubReport, whole: boolean): Promise<ScrubReport> {
    const { kv, clock } = this.#deps;
    const finished = { ...report, finishedAt: clock.now() };
    const commit = kv.atomic().set(lastKey, finished);
    if (whole) commit.delete(progressKey);
    await commit.commit();
    return finished;
  }
}

/** One running scrub. */
class Walk {
  report: ScrubReport;
  bytes = 0;
  readonly #deps: Pick<ScrubberDeps, "log">;
  readonly #options: ScrubOptions;
  readonly #pacer: Pacer;
  #unread = 0;

  constructor(
    deps: ScrubberDeps,
    options: ScrubOptions,
    report: ScrubReport,
  ) {
    this.#deps = deps;
    this.#options = options;
    this.#pacer = new Pacer(options.bytesPerSecond, deps.clock);
    this.report = report;
  }

  /** Checks `item` and adds it to the report; false when it could not be read. */
  async check(source: string, item: ScrubItem): Promise<boolean> {
    const { signal, onFinding } = this.#options;
    signal?.throwIfAborted();
    let bytes = 0;
    const pace = async (more: number) => {
      bytes += more;
      await this.#pacer.took(more, signal);
      signal?.throwIfAborted();
    };
    const add = (outcome: Parameters<typeof withOutcome>[3]) => {
      const { id } = item;
      this.bytes += bytes;
      this.report = withOutcome(this.report, source, id, outcome, bytes);
      this.#options.onChecked?.(this.report);
    };
    try {
      const outcome = await item.check(pace);
      this.#unread = 0;
      add(outcome);
      if (outcome.result === "damaged") {
        onFinding?.({ source, id: item.id, damage: outcome.damage });
      }
      return true;
    } catch (error) {
      signal?.throwIfAborted();
      const reason = operatorMessage(error);
      if (++this.#unread === MAX_UNREAD) {
        throw new AppError(
          "UNAVAILABLE",
          "The storage cannot be read; run the scrub again when it can.",
          { cause: error, operator: `The scrub stops: ${reason}` },
        );
      }
      this.#deps.log.warn("stored item not read", {
        source,
        id: item.id,
        error,
      });
      add({ result: "unread" });
      onFinding?.({ source, id: item.id, damage: `unread (${reason})` });
      return false;
    }
  }
}
