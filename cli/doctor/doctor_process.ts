/**
 * Checks of `doctor` on what every process needs: the runtime, the store, the
 * clock, the address.
 *
 * @module
 */

import {
  needsProxyAdvice,
  PROXY_ADVICE,
} from "../../lib/config/derived/advice.ts";
import type { AppContext } from "../../lib/context.ts";
import { probeKey } from "../../lib/kv/keys.ts";
import { adviceOfDeno } from "../start/oldest_deno.ts";
import { sandboxOf } from "../open_context.ts";
import { operatorFetch } from "../operator_fetch.ts";
import { type DoctorCheck, type Finding, ok, warn } from "./doctor_finding.ts";

/** The checks. */
export const PROCESS_CHECKS: readonly DoctorCheck[] = [
  { name: "Deno", run: deno },
  { name: "key-value store", run: keyValueStore },
  { name: "PLC directory", run: plcDirectory },
  { name: "server", run: server },
  { name: "client addresses", run: clientAddresses },
];

/** Timeout of a request, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Service tokens are refused when clocks differ by more, in milliseconds. */
const MAX_SKEW_MS = 20_000;

/** Older versions keep fewer limits. */
function deno(): Promise<Finding[]> {
  const { deno: version } = Deno.version;
  const advice = adviceOfDeno(version);
  return Promise.resolve([
    advice ? warn(advice) : ok(`Deno ${version} keeps all limits.`),
  ]);
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
