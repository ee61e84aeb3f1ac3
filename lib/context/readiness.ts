/**
 * Readiness checks of the program's dependencies, including writes.
 *
 * @module
 */

import { SingleFlight } from "../async/single_flight.ts";
import type { AvatarService } from "../avatar/service.ts";
import type { Clock } from "../clock.ts";
import { AppError, operatorMessage } from "../errors.ts";
import { probeKey } from "../kv/keys.ts";
import type { Kv } from "../kv/kv.ts";
import type { HoldAccess } from "../hold/access.ts";
import type { Logger } from "../log.ts";
import type { BlobStore } from "../storage/blob_store.ts";

/** A check that must pass before requests are served. */
export interface ReadinessCheck {
  readonly name: string;
  /** Rejects with the error, or when `signal` is aborted. */
  check(signal: AbortSignal): Promise<void>;
}

/** Parts to check; those of roles that do not run are undefined. */
export interface ReadinessParts {
  readonly kv: Kv;
  /** Undefined without a hold; avatars may have their own store. */
  readonly store: BlobStore | undefined;
  readonly avatars: AvatarService | undefined;
  /** Undefined without a hold. */
  readonly access: HoldAccess | undefined;
}

/** The result of all checks. */
export interface ReadinessReport {
  readonly ready: boolean;
  /** `ok` or `failed`, by the name of the check; public. */
  readonly checks: Readonly<Record<string, "ok" | "failed">>;
}

/** Timeout of a check, in milliseconds. */
const CHECK_TIMEOUT_MS = 3_000;

/**
 * How long a report is cached, in milliseconds, because the endpoint is public
 * and checks write.
 */
const REPORT_MS = 2_000;

/** Expiry of the row that the check writes, in milliseconds. */
const PROBE_MS = 60_000;

/** Creates the checks of all given parts. */
export function readinessChecks(
  { kv, store, avatars, access }: ReadinessParts,
  clock: Clock,
): ReadinessCheck[] {
  const checks: ReadinessCheck[] = [{
    name: "kv",
    check: async () => {
      // A disk remounted read-only still serves reads, so write too.
      const key = probeKey("ready");
      await kv.set(key, true, { expiresAt: clock.now() + PROBE_MS });
      await kv.get(key);
    },
  }];
  if (store) {
    checks.push({ name: "storage", check: (signal) => store.check(signal) });
  }
  if (access) {
    checks.push({ name: "hold", check: () => requireCaptain(access) });
  }
  if (avatars) {
    checks.push({ name: "avatars", check: (signal) => avatars.check(signal) });
  }
  return checks;
}

/** Runs the checks, at most once in two seconds for all callers. */
export class Readiness {
  readonly #deps: {
    checks: readonly ReadinessCheck[];
    clock: Clock;
    log: Logger;
  };
  readonly #flights = new SingleFlight();
  readonly #failing = new Set<string>();
  #last: { at: number; report: ReadinessReport } | undefined;

  constructor(deps: {
    checks: readonly ReadinessCheck[];
    clock: Clock;
    log: Logger;
  }) {
    this.#deps = deps;
  }

  /** Returns the current state. Logs the reason once when a check starts to fail. */
  async report(): Promise<ReadinessReport> {
    const age = this.#deps.clock.now() - (this.#last?.at ?? -Infinity);
    if (this.#last && age >= 0 && age < REPORT_MS) return this.#last.report;
    return await this.#flights.run("report", undefined, () => this.#check());
  }

  async #check(): Promise<ReadinessReport> {
    const { checks, clock } = this.#deps;
    const results = await Promise.all(checks.map((check) => this.#run(check)));
    const report: ReadinessReport = {
      ready: results.every(([, state]) => state === "ok"),
      checks: Object.fromEntries(results),
    };
    this.#last = { at: clock.now(), report };
    return report;
  }

  async #run(
    { name, check }: ReadinessCheck,
  ): Promise<readonly [string, "ok" | "failed"]> {
    const { log } = this.#deps;
    const signal = AbortSignal.timeout(CHECK_TIMEOUT_MS);
    try {
      // Not every store can be interrupted; none may delay the response.
      await Promise.race([check(signal), aborted(signal)]);
      if (this.#failing.delete(name)) log.info("ready again", { check: name });
      return [name, "ok"];
    } catch (error) {
      if (!this.#failing.has(name)) {
        this.#failing.add(name);
        const reason = operatorMessage(error);
        log.error("not ready", { check: name, reason, error });
      }
      return [name, "failed"];
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => {
      reject(
        new Error(`The check took more than ${CHECK_TIMEOUT_MS} ms.`, {
          cause: signal.reason,
        }),
      );
    }, { once: true });
  });
}

/** Without a captain record all reads and pushes are refused. */
async function requireCaptain(access: HoldAccess): Promise<void> {
  if (await access.captain()) return;
  throw new AppError(
    "UNAVAILABLE",
    "The hold has no captain; set hold.owner (HOLD_OWNER) and start the hold again.",
  );
}
