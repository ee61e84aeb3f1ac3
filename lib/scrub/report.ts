/**
 * Scrub reports.
 *
 * @module
 */

import type { ScrubOutcome } from "./source.ts";

/** Counts of one source. */
export interface ScrubCounts {
  readonly checked: number;
  /** Bytes read. */
  readonly bytes: number;
  readonly damaged: number;
  readonly mended: number;
  /** Items that the store could not read; they were left unchanged. */
  readonly unread: number;
}

/** A problem found. */
export interface ScrubFinding {
  /** Name of the source. */
  readonly source: string;
  readonly id: string;
  /** Kind of damage, or `unread`. */
  readonly damage: string;
}

/** The result of a scrub. */
export interface ScrubReport {
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number;
  /** Undefined while it runs. */
  readonly finishedAt: number | undefined;
  /** Whether everything or a sample was read. */
  readonly scope: "everything" | "sample";
  /** By the name of the source. */
  readonly counts: Readonly<Record<string, ScrubCounts>>;
  /** The first {@linkcode MAX_FINDINGS}. */
  readonly findings: readonly ScrubFinding[];
}

/** Findings that a report keeps. */
const MAX_FINDINGS = 100;

const NONE: ScrubCounts = {
  checked: 0,
  bytes: 0,
  damaged: 0,
  mended: 0,
  unread: 0,
};

/** A report without items. */
export function newReport(
  scope: ScrubReport["scope"],
  now: number,
): ScrubReport {
  return {
    startedAt: now,
    finishedAt: undefined,
    scope,
    counts: {},
    findings: [],
  };
}

/** `report` with one more item of `source`. */
export function withOutcome(
  report: ScrubReport,
  source: string,
  id: string,
  outcome: ScrubOutcome | { readonly result: "unread" },
  bytes: number,
): ScrubReport {
  const before = report.counts[source] ?? NONE;
  const { result } = outcome;
  const add = (of: string) => result === of ? 1 : 0;
  const counts = {
    ...report.counts,
    [source]: {
      checked: before.checked + 1,
      bytes: before.bytes + bytes,
      damaged: before.damaged + add("damaged"),
      mended: before.mended + add("mended"),
      unread: before.unread + add("unread"),
    },
  };
  const damage = outcome.result === "damaged" ? outcome.damage : result;
  const isFinding = result === "damaged" || result === "unread";
  const findings = isFinding && report.findings.length < MAX_FINDINGS
    ? [...report.findings, { source, id, damage }]
    : report.findings;
  return { ...report, counts, findings };
}

/** All counts together. */
export function totals({ counts }: ScrubReport): ScrubCounts {
  return Object.values(counts).reduce((sum, counts) => ({
    checked: sum.checked + counts.checked,
    bytes: sum.bytes + counts.bytes,
    damaged: sum.damaged + counts.damaged,
    mended: sum.mended + counts.mended,
    unread: sum.unread + counts.unread,
  }), NONE);
}
