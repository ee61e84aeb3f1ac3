/**
 * Checks of `doctor` and their findings.
 *
 * @module
 */

import type { AppContext } from "../../lib/context.ts";

/** Result of a check. */
export interface Finding {
  /** `warn` may be intended or an external problem; `fail` must be fixed. */
  readonly level: "ok" | "warn" | "fail";
  /** What was found, and what to do. */
  readonly sentence: string;
}

/** A check; its errors are findings too. */
export interface DoctorCheck {
  readonly name: string;
  run(ctx: AppContext): Promise<readonly Finding[]>;
}

/** The check passed. */
export function ok(sentence: string): Finding {
  return { level: "ok", sentence };
}

/** The check found a possible problem. */
export function warn(sentence: string): Finding {
  return { level: "warn", sentence };
}

/** The check failed. */
export function fail(sentence: string): Finding {
  return { level: "fail", sentence };
}
