/**
 * Whether what the program stands on can be used.
 *
 * @module
 */

import type { AvatarService } from "../avatar/service.ts";
import { probeKey } from "../kv/keys.ts";
import type { Kv } from "../kv/kv.ts";
import type { BlobStore } from "../storage/blob_store.ts";

/** One thing that has to work before requests are served. */
export interface ReadinessCheck {
  readonly name: string;
  /** Rejects with a sentence that says what is wrong, or when `signal` is aborted. */
  check(signal: AbortSignal): Promise<void>;
}

/** Parts to check; those of roles that do not run are undefined. */
export interface ReadinessParts {
  readonly kv: Kv;
  /** Undefined where no hold runs: avatars may have a store of their own. */
  readonly store: BlobStore | undefined;
  readonly avatars: AvatarService | undefined;
}

/** The checks of all parts that there are. */
export function readinessChecks(
  { kv, store, avatars }: ReadinessParts,
): ReadinessCheck[] {
  const checks: ReadinessCheck[] = [{
    name: "kv",
    check: async () => {
      await kv.get(probeKey("ready"));
    },
  }];
  if (store) {
    checks.push({ name: "storage", check: (signal) => store.check(signal) });
  }
  if (avatars) {
    checks.push({ name: "avatars", check: (signal) => avatars.check(signal) });
  }
  return checks;
}
