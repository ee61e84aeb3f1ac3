/**
 * `hold scrub`: reads what is stored again and hides what has rotted.
 *
 * @module
 */

import { bytes } from "../lib/config/kinds.ts";
import { AppError } from "../lib/errors.ts";
import { withLease } from "../lib/kv/lease.ts";
import { SCRUB_LEASE } from "../lib/scrub/kv_keys.ts";
import { type ScrubReport, totals } from "../lib/scrub/report.ts";
import type { Command, CommandCall } from "./command.ts";
import { withContext } from "./open_context.ts";

/** Commands about what is stored. */
export const SCRUB_COMMANDS: readonly Command[] = [
  {
    name: "hold scrub",
    synopsis: "[--sample COUNT] [--rate SIZE] [--restart]",
    doc:
      "read everything stored again, or COUNT of each kind, and hide what is damaged; exit code 1 when something is",
    options: { sample: "value", rate: "value", restart: "flag" },
    run: scrub,
  },
];

/** Bytes read in a second where the operator names no other rate: a fraction of what a disk gives. */
const RATE = 50_000_000;

/** A process that dies while it scrubs makes others wait for so long, in milliseconds. */
const LEASE_MS = 60_000;

async function scrub(call: CommandCall): Promise<number> {
  const count = countOf(call.options.get("sample"));
  const bytesPerSecond = rateOf(call.options.get("rate"));
  return await withContext(call.config(), async ({ scrubber, kv, clock }) => {
    const restart = call.options.has("restart");
    const pending = await scrubber.pending();
    if (pending && count === undefined && !restart) {
      const { startedAt } = pending;
      call.print(`Continuing the scrub of ${dateOf(startedAt)}.`);
    }
    const work = async (signal: AbortSignal) => {
      const options = {
        bytesPerSecond,
        signal,
        onFinding: ({ source, id, damage }: ScrubReport["findings"][number]) =>
          call.print(`damaged ${source} ${id}: ${damage}`),
      };
      return count === undefined
        ? await scrubber.run({ ...options, restart })
        : await scrubber.sample({ ...options, count });
    };
    const lease = { ttlMs: LEASE_MS };
    const report = await withLease(kv, clock, SCRUB_LEASE, lease, work);
    for (const line of describeScrub(report)) call.print(line);
    const { damaged, unread } = totals(report);
    return damaged + unread === 0 ? 0 : 1;
  });
}

/** A report in sentences, one for each kind of content. */
export function describeScrub({ counts }: ScrubReport): string[] {
  const lines = Object.entries(counts).map(([source, counts]) => {
    const { checked, bytes, damaged, mended, unread } = counts;
    return `${source}: ${checked} checked (${bytes} bytes), ${damaged} damaged, ${mended} mended, ${unread} not readable`;
  });
  return lines.length > 0 ? lines : ["Nothing is stored."];
}

/** A time as the operator reads it. */
export function dateOf(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
}

function countOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count > 0) return count;
  throw new AppError(
    "INVALID_REQUEST",
    "--sample needs a whole number from 1, for example --sample 100.",
  );
}

function rateOf(text: string | undefined): number {
  if (text === undefined) return RATE;
  const kind = bytes();
  const rate = kind.schema.safeParse(text);
  if (rate.success && rate.data > 0) return rate.data;
  throw new AppError(
    "INVALID_REQUEST",
    `--rate needs ${kind.allowed}, the bytes read in a second.`,
  );
}
