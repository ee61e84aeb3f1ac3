/**
 * `doctor`: checks reachability and consistency.
 *
 * @module
 */

import {
  needsProxyAdvice,
  PROXY_ADVICE,
} from "../../lib/config/derived/advice.ts";
import type { AppContext } from "../../lib/context.ts";
import { isAppError, operatorMessage } from "../../lib/errors.ts";
import { probeKey } from "../../lib/kv/keys.ts";
import type { Command, CommandCall } from "../command.ts";
import { BACKUP_CHECKS } from "./doctor_backup.ts";
import { HOLD_CHECKS } from "./doctor_hold.ts";
import { type DoctorCheck, type Finding, ok, warn } from "./doctor_finding.ts";
import { SCRUB_CHECKS } from "./doctor_scrub.ts";
import { PICTURE_CHECKS } from "./doctor_pictures.ts";
import { STORAGE_CHECKS } from "./doctor_storage.ts";
import { adviceOfDeno } from "../start/oldest_deno.ts";
import { sandboxOf, withContext } from "../open_context.ts";
import { operatorFetch } from "../operator_fetch.ts";

/** The command. Its exit code is 1 when a check fails. */
export const DOCTOR_COMMAND: Command = {
  name: "doctor",
  doc: "check that everything is reachable and consistent",
  run: doctor,
};

/** Timeout of a request, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Service tokens are refused when clocks differ by more, in milliseconds. */
const MAX_SKEW_MS = 20_000;

const CHECKS: readonly DoctorCheck[] = [
  { name: "Deno", run: deno },
  { name: "key-value store", run: keyValueStore },
  ...BACKUP_CHECKS,
  ...STORAGE_CHECKS,
  ...PICTURE_CHECKS,
  ...SCRUB_CHECKS,
  { name: "PLC directory", run: plcDirectory },
  { name: "server", run: server },
  { name: "client addresses", run: clientAddresses },
  ...HOLD_CHECKS,
];

/** Older versions keep fewer limits. */
function deno(): Promise<Finding[]> {
  const { deno: version } = Deno.version;
  const advice = adviceOfDeno(version);
  return Promise.resolve([
    advice ? warn(advice) : ok(`Deno ${version} keeps all limits.`),
  ]);
}

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

async function keyValueStore({ kv }: AppContext): Promise<Finding[]> {
  const key = probeKey(crypto.randomUUID());
  await kv.set(key, true);
  const found = await kv.get(key);
  await kv.atomic().delete(key).commit();
  if (found === undefined) {
    throw new Error("A written value could not be read back.");
  }
  return [ok("Writes and reads work.")];
}

async function plcDirectory({ config, fetch }: AppContext): Promise<Finding[]> {
  const origin = sandboxOf(config)?.plc ?? config.identity.plc_url;
  const response = await fetch(new URL("/_health", origin), {
    timeoutMs: TIMEOUT_MS,
  });
  await response.body?.cancel();
  if (!response.ok) {
    return [warn(`${origin} answers with status ${response.status}.`)];
  }
  const date = Date.parse(response.headers.get("date") ?? "");
  const skew = Math.abs(Date.now() - date);
  if (skew > MAX_SKEW_MS) {
    return [{
      level: "fail",
      sentence: `The clocks of ${origin} and of this machine differ by ${
        Math.round(skew / 1000)
      } seconds; set this machine's clock.`,
    }];
  }
  return [ok(`${origin} answers.`)];
}

function clientAddresses({ config }: AppContext): Promise<Finding[]> {
  const isGiven = (path: string) => config.origin.settings.has(path);
  if (needsProxyAdvice(config, config, isGiven)) {
    return Promise.resolve([warn(`${PROXY_ADVICE}.`)]);
  }
  return Promise.resolve([
    ok(
      config.server.trust_proxy
        ? "They are read from X-Forwarded-For (server.trust_proxy)."
        : "They are those of the connections.",
    ),
  ]);
}

async function server({ config }: AppContext): Promise<Finding[]> {
  const { base_url } = config.server;
  let response: Response;
  try {
    response = await operatorFetch(`${base_url}/readyz`, {
      timeoutMs: TIMEOUT_MS,
    });
  } catch {
    return [
      warn(`Nobody answers at ${base_url}; is the server started?`),
    ];
  }
  const text = await response.text();
  if (response.ok) return [ok(`${base_url} is ready.`)];
  return [{
    level: "fail",
    sentence: `${base_url} is not ready; its log says why: ${
      text.slice(0, 500)
    }`,
  }];
}
