/**
 * Metrics that are read when they are scraped: jobs, firehose, repo, uploads.
 *
 * @module
 */

import { parse as parseTid } from "@atcute/tid";
import type { Clock } from "../../clock.ts";
import { holdKeys } from "../../hold/kv_keys.ts";
import { countJobs, type JobCounts } from "../../kv/jobs/job_counts.ts";
import type { JobRunner } from "../../kv/jobs/job_runner.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Metrics } from "../../metrics.ts";
import type { HoldContext } from "../hold.ts";

export interface GaugeDeps {
  readonly metrics: Metrics;
  /** Its own, so that scrapes do not count as calls. */
  readonly kv: Kv;
  readonly clock: Clock;
  readonly jobs: JobRunner;
  readonly hold: HoldContext | undefined;
}

/** Scrapes within this time read the store once, in milliseconds. */
const FRESH_MS = 5_000;

/** Uploads that are counted. */
const MOST_UPLOADS = 1_000;

/** Exports the metrics. */
export function watchGauges(deps: GaugeDeps): void {
  watchJobs(deps);
  if (deps.hold) watchHold(deps, deps.hold);
}

function watchJobs({ metrics, kv, clock, jobs }: GaugeDeps): void {
  const counts = fresh(
    clock,
    () => countJobs(kv, jobs.kinds, clock.now()),
  );
  const gauge = (name: string, help: string, read: (c: JobCounts) => number) =>
    metrics.watch("gauge", name, help, async () => read(await counts()));
  gauge(
    "atcr_jobs_due",
    "Jobs that are due, of all instances.",
    ({ due }) => due,
  );
  gauge(
    "atcr_jobs_oldest_seconds",
    "How long the job that is due for the longest time has been waiting.",
    ({ oldestSeconds }) => oldestSeconds,
  );
  gauge(
    "atcr_jobs_dead",
    "Jobs that failed permanently in the last 30 days, of all instances.",
    ({ dead }) => dead,
  );
  metrics.watch(
    "gauge",
    "atcr_jobs_running",
    "Jobs that run on this instance.",
    () => jobs.running,
  );
}

function watchHold(
  { metrics, kv, clock }: GaugeDeps,
  { firehose, repo }: HoldContext,
): void {
  metrics.watch(
    "gauge",
    "pds_firehose_subscribers",
    "Consumers of the firehose on this instance.",
    () => firehose.consumers,
  );
  metrics.watch(
    "counter",
    "pds_firehose_slow_consumers_total",
    "Consumers that were dropped because they did not keep up.",
    () => firehose.tooSlow,
  );
  const head = fresh(clock, () => repo.head());
  metrics.watch(
    "gauge",
    "hold_repo_head_timestamp_seconds",
    "Time of the last commit of the repo, in seconds since the Unix epoch.",
    async () => parseTid((await head()).rev).timestamp / 1_000_000,
  );
  metrics.watch(
    "gauge",
    "pds_firehose_sequence",
    "Number of the last event.",
    async () => (await head()).seq,
  );
  const uploads = fresh(clock, async () => {
    let count = 0;
    const rows = kv.list({ prefix: holdKeys.uploads }, { limit: MOST_UPLOADS });
    for await (const _ of rows) count++;
    return count;
  });
  metrics.watch(
    "gauge",
    "hold_uploads_open",
    "Uploads that were begun and neither completed nor given up, of all " +
      "instances; at most 1,000 are counted.",
    uploads,
  );
}

/** Shares one answer between the metrics of a scrape. */
function fresh<T>(clock: Clock, read: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | undefined;
  return () => {
    const now = clock.now();
    if (last && now >= last.at && now - last.at < FRESH_MS) return last.answer;
    const answer = read();
    last = { at: now, answer };
    // A failure is not remembered.
    answer.catch(() => last = undefined);
    return answer;
  };
}
