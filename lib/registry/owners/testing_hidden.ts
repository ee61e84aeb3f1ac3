/**
 * Hidden repositories for tests of services that use them.
 *
 * @module
 */

import type { HoldDirectory } from "../../hold_api/hold_client.ts";
import { requireRead } from "../holds.ts";
import type { HiddenRepositories } from "./hidden_repositories.ts";

/** Asks the hold of a repository alone; a missing repository is hidden from nobody. */
export function nothingHidden(
  holds: HoldDirectory,
): Pick<HiddenRepositories, "requireNoneHidden" | "requireRead"> {
  return {
    requireNoneHidden: () => Promise.resolve(),
    requireRead: async (_owner, hold, caller) =>
      await requireRead(await holds.get(hold), caller),
  };
}
