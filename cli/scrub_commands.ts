/**
 * `hold scrub`: rereads stored content and hides damaged items.
 *
 * @module
 */

import { bytes } from "../lib/config/kinds.ts";
import type { AppContext } from "../lib/context.ts";
import { AppError } from "../lib/errors.ts";
import { acquireLease } from "../lib/kv/lease.ts";
import { SCRUB_LEASE } from "../lib/scrub/kv_keys.ts";
import {
  type ScrubFinding,
  type ScrubReport,
  totals,
} from "../lib/scrub/report.ts";
import { type Command, type CommandCall, flag, valued } from "./command.ts";
import { withContext } from "./open_context.ts";
import type { Lease } from "../lib/kv/held_lease.ts";

/** Commands about stored content. */
export const SCRUB_COMMANDS: readonly Command[] = [
  {
    name: "hold scrub",
    synopsis: "[--sample COUNT] [--rate SIZE] [--restart]",
    doc:
      "read everything stored again, or COUNT of each kind, and hide what is damaged; exit code 1 when something is",
    options: {
      sample: valued(
        "COUNT",
        "read COUNT items of each kind, chosen at random",
      ),
      rate: valued("SIZE", "bytes read in a second at most, such as 10MB"),
      restart: flag("begin again instead of going on"),
    },
    run: scrub,
  },
];

/** Default rate in bytes per second: a fraction of a disk's throughput. */
const RATE = 50_000_000;

/** How long a process that dies during a scrub blocks others, in milliseconds. */
const LEASE_MS = 20_000;

async function scrub(call: CommandCall): Promise<number> {
  const count = countOf(call.options.get("sample"));
  const bytesPerSecond = rateOf(call.options.get("rate"));
  const restart = call.options.has("restart");
  return await withContext(call.config(), async (ctx) => {
    const { scrubber } = ctx;
    const lease = await leaseOf(ctx, call);
    try {
      const { signal } = lease;
      const options = {
        bytesPerSecond,
        signal,
        onFinding: ({ source, id, damage }: ScrubFinding) =>
          call.print(`damaged ${source} ${id}: ${damage}`),
        onChecked: (report: ScrubReport) =>
          call.progress.at(totals(report).checked),
      };
      if (count === undefined && !restart) {
        const begun = (await scrubber.pending())?.startedAt;
        if (begun) call.print(`Continuing the scrub of ${dateOf(begun)}.`);
      }
      const last = count === undefined ? await scrubber.last() : undefined;
      const isWhole = last?.scope === "everything";
      // The last whole scrub is the best guess of how much there is.
      call.progress.begin("items", isWhole ? totals(last).checked : undefined);
      const report = count === undefined
        ? await scrubber.run({ ...options, restart })
        : await scrubber.sample({ ...options, count });
      for (const line of describeScrub(report)) call.print(line);
      const { damaged, unread } = totals(report);
      return damaged + unread === 0 ? 0 : 1;
    } finally {
      await lease.release();
    }
  });
}

/** Acquires the lease for a scrub. Throws AppError `CONFLICT` when another scrub is running. */
async function leaseOf(
  { kv, clock }: AppContext,
  call: CommandCall,
): Promise<Lease> {
  const ttlMs = LEASE_MS;
  const first = await acquireLease(kv, clock, SCRUB_LEASE, { ttlMs });
  if (first) return first;
  call.print("Waiting for another scrub, in case it was killed.");
  const waitMs = LEASE_MS + 5_000;
  const later = await acquireLease(kv, clock, SCRUB_LEASE, { ttlMs, waitMs });
  if (later) return later;
  throw new AppError(
    "CONFLICT",
    "Another scrub is running; run this one when it has ended.",
  );
}

/** Formats a report as sentences, one per kind of content. */
function describeScrub({ counts }: ScrubReport): string[] {
  const lines = Object.entries(counts).map(([source, counts]) => {
    const { checked, bytes, damaged, mended, unread } = counts;
    return `${source}: ${checked} checked (${bytes} bytes), ${damaged} damaged, ${mended} repaired, ${unread} not readable`;
  });
  return lines.length > 0 ? lines : ["Nothing is stored."];
}

/** Formats a time for the operator. */
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
