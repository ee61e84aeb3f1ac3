/**
 * What a check of `doctor` is and finds.
 *
 * @module
 */

import type { AppContext } from "../../lib/context.ts";

/** What one check found. */
export interface Finding {
  /** `warn` may be meant so or be somebody else's fault; `fail` has to be mended. */
  readonly level: "ok" | "warn" | "fail";
  /** What is so, and what to do. */
  readonly sentence: string;
}

/** One check; what it throws is a finding too. */
export interface DoctorCheck {
  readonly name: string;
  run(ctx: AppContext): Promise<readonly Finding[]>;
}

/** All is well. */
export function ok(sentence: string): Finding {
  return { level: "ok", sentence };
}

/** Perhaps it is well. */
export function warn(sentence: string): Finding {
  return { level: "warn", sentence };
}

/** It is not well. */
export function fail(sentence: string): Finding {
  return { level: "fail", sentence };
}
