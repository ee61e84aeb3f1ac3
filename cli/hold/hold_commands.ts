/**
 * Commands about the hold as a whole.
 *
 * @module
 */

import { AppError } from "../../lib/errors.ts";
import { withLease } from "../../lib/kv/lease.ts";
import type { Command, CommandCall } from "../command.ts";
import { collectGarbage, GC_TASK } from "../housekeeping.ts";
import { withHold } from "../open_context.ts";
import { taskLease } from "../../lib/kv/scheduled_task.ts";
import { TASK_LEASE_MS } from "../../lib/kv/scheduled_task.ts";

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
    options: { "dry-run": "flag" },
    run: gc,
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
    if (call.options.has("dry-run")) {
      let count = 0;
      for await (const finding of hold.gc.preview()) {
        const { verdict, subject, size, reason } = finding;
        if (verdict === "keep") continue;
        call.print(`${verdict} ${subject} (${size} bytes): ${reason}`);
        count++;
      }
      return call.print(`${count} changes would be made.`);
    }
    const lease = { ttlMs: TASK_LEASE_MS };
    const report = await withLease(
      kv,
      clock,
      taskLease(GC_TASK),
      lease,
      (signal) => collectGarbage({ registry, hold }, signal),
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
