/**
 * `doctor`: checks reachability and consistency.
 *
 * @module
 */

import type { AppContext } from "../../lib/context.ts";
import { isAppError, operatorMessage } from "../../lib/errors.ts";
import type { Command, CommandCall } from "../command.ts";
import { CHECKS } from "./doctor_checks.ts";
import type { DoctorCheck, Finding } from "./doctor_finding.ts";
import { withContext } from "../open_context.ts";

/** The command. Its exit code is 1 when a check fails. */
export const DOCTOR_COMMAND: Command = {
  name: "doctor",
  doc: "check that everything is reachable and consistent",
  run: doctor,
};

const WIDTH = Math.max(...CHECKS.map(({ name }) => name.length));

async function doctor(call: CommandCall): Promise<number> {
  const config = call.config();
  call.print(
    line("ok", "configuration", "It is valid; config check prints it."),
  );
  let failed = 0;
  await withContext(config, async (ctx) => {
    for (const { name, run } of CHECKS) {
      for (const { level, sentence } of await attempt(run, ctx)) {
        if (level === "fail") failed++;
        call.print(line(level, name, sentence));
      }
    }
  });
  call.print(
    failed === 0
      ? "Nothing needs fixing."
      : `${failed} ${failed === 1 ? "check" : "checks"} failed.`,
  );
  return failed === 0 ? 0 : 1;
}

/** Runs one check; an error is a finding. */
async function attempt(
  run: DoctorCheck["run"],
  ctx: AppContext,
): Promise<readonly Finding[]> {
  try {
    return await run(ctx);
  } catch (error) {
    const sentence = operatorMessage(error);
    // An unreachable external server is a warning.
    const foreign = isAppError(error, "UPSTREAM_FAILED", "UPSTREAM_TIMEOUT");
    return [{ level: foreign ? "warn" : "fail", sentence }];
  }
}

function line(level: Finding["level"], name: string, sentence: string): string {
  return `${level.padEnd(4)}  ${name.padEnd(WIDTH)}  ${sentence}`;
}
