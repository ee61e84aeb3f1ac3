/**
 * Checks of `doctor` on stored content: the last scrub, damaged blobs, and a
 * small sample read now.
 *
 * @module
 */

import type { AppContext } from "../../lib/context.ts";
import { type ScrubReport, totals } from "../../lib/scrub/report.ts";
import {
  type DoctorCheck,
  fail,
  type Finding,
  ok,
  warn,
} from "./doctor_finding.ts";
import { dateOf } from "../scrub_commands.ts";

/** The checks. */
export const SCRUB_CHECKS: readonly DoctorCheck[] = [
  { name: "last scrub", run: lastScrub },
  { name: "stored content", run: storedContent },
];

/** Items read of each kind. */
const SAMPLE = 20;
/** Maximum bytes read. */
const SAMPLE_BYTES = 64 * 1024 * 1024;
/** Time limit of the sample, in milliseconds. */
const SAMPLE_MS = 15_000;
/** Damaged blobs listed. */
const NAMED = 10;

/** Findings of a scrub remain until the content is pushed again. */
async function lastScrub({ scrubber, hold }: AppContext): Promise<Finding[]> {
  const last = await scrubber.last();
  const findings: Finding[] = [];
  if (last) {
    const { checked, damaged, unread } = totals(last);
    const sentence = `On ${
      dateOf(last.finishedAt ?? last.startedAt)
    } ${checked} items (${
      last.scope === "sample" ? "a sample" : "everything"
    }) were read again: ${damaged} damaged, ${unread} not readable.`;
    findings.push(damaged + unread === 0 ? ok(sentence) : warn(sentence));
  } else {
    findings.push(
      ok("No scrub has run yet; run hold scrub to read everything again."),
    );
  }
  const digests = await hold?.blobs.damaged(NAMED + 1) ?? [];
  if (digests.length > 0) {
    const named = digests.slice(0, NAMED).join(", ");
    const more = digests.length > NAMED ? " and more" : "";
    findings.push(
      fail(
        `Damaged blobs are hidden: ${named}${more}. Push the images that need them again, or put the objects back and run hold scrub.`,
      ),
    );
  }
  return findings;
}

async function storedContent({ scrubber }: AppContext): Promise<Finding[]> {
  const signal = AbortSignal.timeout(SAMPLE_MS);
  let report: ScrubReport;
  try {
    report = await scrubber.sample({
      count: SAMPLE,
      maxBytes: SAMPLE_BYTES,
      bytesPerSecond: SAMPLE_BYTES,
      keep: false,
      signal,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    const seconds = SAMPLE_MS / 1_000;
    return [
      warn(
        `The storage is slow: a sample was not read in ${seconds} seconds. hold scrub takes its time.`,
      ),
    ];
  }
  const { checked, damaged, unread } = totals(report);
  if (damaged + unread === 0) {
    return [ok(`A sample of ${checked} items is intact.`)];
  }
  const named = report.findings.slice(0, NAMED)
    .map(({ source, id, damage }) => `${source} ${id} (${damage})`).join(", ");
  return [
    fail(
      `Of a sample of ${checked} items ${damaged} are damaged and ${unread} cannot be read: ${named}. Run hold scrub.`,
    ),
  ];
}
