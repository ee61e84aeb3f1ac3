/**
 * `jobs dead` and `jobs retry`: jobs that failed permanently.
 *
 * @module
 */

import { listDeadJobs, retryDeadJob } from "../lib/kv/jobs/jobs.ts";
import type { Command, CommandCall } from "./command.ts";
import { withContext } from "./open_context.ts";

/** Commands about jobs. */
export const JOB_COMMANDS: readonly Command[] = [
  {
    name: "jobs dead",
    doc: "list jobs that failed permanently in the last 30 days",
    run: listDead,
  },
  {
    name: "jobs retry",
    synopsis: "ID",
    doc: "retry a job that failed permanently",
    operands: [1, 1],
    run: retry,
  },
];

async function listDead(call: CommandCall): Promise<void> {
  await withContext(call.config(), async ({ kv }) => {
    const jobs = await listDeadJobs(kv);
    for (const { id, diedAt, attempts, lastError, payload } of jobs) {
      const when = new Date(diedAt).toISOString();
      call.print(
        `${id}\n  given up ${when} after ${attempts} attempts: ${lastError}\n` +
          `  ${JSON.stringify(payload)}`,
      );
    }
    call.print(`${jobs.length} jobs failed permanently.`);
  });
}

async function retry(call: CommandCall): Promise<void> {
  const [id = ""] = call.operands;
  await withContext(call.config(), async ({ kv, clock }) => {
    await retryDeadJob(kv, clock, id);
    call.print(`${id} is queued again.`);
  });
}
