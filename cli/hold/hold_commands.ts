/**
 * Commands about the hold as a whole.
 *
 * @module
 */

import { AppError } from "../../lib/errors.ts";
import { withLease } from "../../lib/kv/lease.ts";
import type { AppContext } from "../../lib/context.ts";
import { interruptible } from "../store/interrupt.ts";
import { type Command, type CommandCall, flag } from "../command.ts";
import { collectGarbage, GC_TASK } from "../housekeeping.ts";
import { type HoldAppContext, withHold } from "../open_context.ts";
import { TASK_LEASE_MS, taskLease } from "../../lib/kv/scheduled_task.ts";

/** Commands about the hold as a whole. */
export const HOLD_COMMANDS: readonly Command[] = [
  {
    name: "hold request-crawl",
    synopsis: "[RELAY ...]",
    doc: "ask relays to crawl the hold; those of hold.relays by default",
    operands: [0, Infinity],
    run: askRelays,
  },
  {
    name: "hold gc",
    synopsis: "[--dry-run]",
    doc: "remove blobs that nothing refers to, or only list them",
    options: { "dry-run": flag("list what would be done, and change nothing") },
    run: gc,
  },
  {
    name: "hold reindex",
    doc:
      "make the rows of blobs, layers, feeds, manifests and quotas again from the storage, the repo of the hold and the repos of owners; may run beside the server",
    run: reindex,
  },
  {
    name: "hold deactivate",
    doc: "deactivate the account of the hold: its repo is not served",
    run: (call) => setActive(call, false),
  },
  {
    name: "hold activate",
    doc: "reactivate the account of the hold",
    run: (call) => setActive(call, true),
  },
];

async function setActive(call: CommandCall, active: boolean): Promise<void> {
  await withHold(call.config(), async ({ hold }) => {
    await hold.repo.setActive(active);
    call.print(`${hold.did} is ${active ? "active" : "deactivated"}.`);
  });
}

async function askRelays(call: CommandCall): Promise<number> {
  const config = call.config();
  const relays = call.operands.length > 0 ? call.operands : config.hold.relays;
  if (relays.length === 0) {
    throw new AppError(
      "INVALID_REQUEST",
      "Name a relay, for example bsky.network, or set hold.relays.",
    );
  }
  return await withHold(config, async ({ hold }) => {
    const answers = await hold.start.requestCrawl(relays);
    for (const { relay, accepted, reason } of answers) {
      call.print(accepted ? `${relay} crawls.` : `${relay}: ${reason}`);
    }
    return answers.every(({ accepted }) => accepted) ? 0 : 1;
  });
}

async function gc(call: CommandCall): Promise<void> {
  await withHold(call.config(), async ({ registry, hold, kv, clock }) => {
    await beginBlobs(call, hold);
    if (call.options.has("dry-run")) {
      let count = 0;
      let kept = 0;
      for await (const finding of hold.gc.preview()) {
        const { verdict, subject, size, reason } = finding;
        if (verdict === "keep") kept++;
        else {
          call.print(`${verdict} ${subject} (${size} bytes): ${reason}`);
          count++;
        }
        call.progress.at(kept + count);
      }
      return call.print(`${count} changes would be made, kept ${kept}.`);
    }
    const report = await aloneWithBlobs(
      { kv, clock },
      (signal) =>
        collectGarbage(
          { registry, hold },
          signal,
          (blobs) => call.progress.at(blobs),
        ),
    );
    call.print(
      `kept ${report.keep}, released ${report.release} manifests, ` +
        `quarantined ${report.quarantine}, restored ${report.restore}, ` +
        `removed ${report.purge} (${report.purgedBytes} bytes).`,
    );
    if (report.unread > 0) {
      call.print(
        `repos that could not be read: ${report.unread}; what their owners uploaded or mounted stays.`,
      );
    }
  });
}

/** Runs `work` while no instance collects garbage. */
function aloneWithBlobs<T>(
  { kv, clock }: Pick<AppContext, "kv" | "clock">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lease = { ttlMs: TASK_LEASE_MS };
  return withLease(kv, clock, taskLease(GC_TASK), lease, work);
}

/** Begins to count blobs; their number takes a walk over all rows. */
async function beginBlobs(
  { progress }: CommandCall,
  { blobs }: HoldAppContext["hold"],
): Promise<void> {
  if (!progress.isOn) return;
  const all = await blobs.amount(new AbortController().signal);
  progress.begin("blobs", all.blobs);
}

async function reindex(call: CommandCall): Promise<number> {
  return await withHold(call.config(), async ({ hold, kv, clock }) => {
    await beginBlobs(call, hold);
    return await interruptible(
      call,
      (stop) =>
        aloneWithBlobs({ kv, clock }, async (lost) => {
          const signal = AbortSignal.any([stop, lost]);
          const { objects, adopted, hidden, unread } = await hold.reindex.run({
            signal,
            progress: (step, objects) => {
              // Only blobs are counted.
              if (step === "blobs") call.progress.at(objects);
              else call.progress.clear();
            },
          });
          call.print(
            `${objects} blobs in the storage: ${adopted} became readable again, ` +
              `${hidden} were hidden because their objects are missing or wrong. ` +
              "Layers, feeds, manifests and quotas were made again.",
          );
          if (unread === 0) return 0;
          call.print(
            `${unread} owners could not be read, or not all of their manifests. Run it again later.`,
          );
          return 1;
        }),
    );
  });
}
