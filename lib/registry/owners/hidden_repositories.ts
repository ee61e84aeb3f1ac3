/**
 * Repositories that are not there must look like those that a caller may not
 * see: else anybody finds out the names of private ones by trying.
 *
 * @module
 */

import { inParallel } from "../../async/in_parallel.ts";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";
import { requireRead } from "../hold_rights.ts";
import type { RepositoryList } from "../lists/repository_list.ts";
import type { Owners } from "./owners.ts";

export interface HiddenRepositoriesDeps {
  holds: HoldDirectory;
  repositories: RepositoryList;
  owners: Pick<Owners, "knownHold">;
}

/** Repositories of one owner whose holds are looked at. */
const MAX_REPOSITORIES = 1_000;

/** Holds of one owner that are asked. */
const MAX_HOLDS = 16;

/** Finds out whether an owner may have repositories that a caller may not see. */
export class HiddenRepositories {
  readonly #deps: HiddenRepositoriesDeps;

  constructor(deps: HiddenRepositoriesDeps) {
    this.#deps = deps;
  }

  /**
   * To be called before saying that a repository of `owner` is unknown. Throws
   * the AppError that a private repository would give, `DENIED` or
   * `UNAUTHORIZED`, when `caller` may not read the hold that the owner pushes to
   * or one of those that have the owner's other repositories.
   */
  async requireNoneHidden(owner: Did, caller: Caller): Promise<void> {
    const { holds } = this.#deps;
    // Side by side: a hold that hangs keeps the answer waiting once.
    await inParallel(await this.#holdsOf(owner), MAX_HOLDS, async (did) => {
      try {
        await requireRead(await holds.get(did), caller);
      } catch (error) {
        // A hold that cannot be asked gives no private repository away either.
        if (!isAppError(error)) throw error;
        if (isAppError(error, "DENIED", "UNAUTHORIZED")) throw error;
      }
    });
  }

  /** Holds of the owner, that for pushes first; as we know them, nobody is asked. */
  async #holdsOf(owner: Did): Promise<Set<Did>> {
    const { owners, repositories } = this.#deps;
    const found = new Set([await owners.knownHold(owner)]);
    let left = MAX_REPOSITORIES;
    for await (const { row } of repositories.of(owner)) {
      if (found.size >= MAX_HOLDS || --left < 0) break;
      found.add(row.holdDid);
    }
    return found;
  }
}
