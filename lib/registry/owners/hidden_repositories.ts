/**
 * Makes missing repositories indistinguishable from those that a caller may not
 * read: otherwise names of private ones could be guessed.
 *
 * @module
 */

import { inParallel } from "../../async/in_parallel.ts";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";
import { requireRead } from "../holds.ts";
import type { RepositoryList } from "../lists/repository_list.ts";
import type { Owners } from "./owners.ts";

export interface HiddenRepositoriesDeps {
  holds: HoldDirectory;
  repositories: RepositoryList;
  owners: Pick<Owners, "knownHold">;
}

/** Maximum repositories of one owner whose holds are read. */
const MAX_REPOSITORIES = 1_000;

/** Maximum holds of one owner that are queried. */
const MAX_HOLDS = 16;

/** Checks whether an owner may have repositories that a caller may not read. */
export class HiddenRepositories {
  readonly #deps: HiddenRepositoriesDeps;

  constructor(deps: HiddenRepositoriesDeps) {
    this.#deps = deps;
  }

  /**
   * Call before reporting that a repository of `owner` is unknown. Throws the
   * AppError of a private repository, `DENIED` or `UNAUTHORIZED`, when `caller`
   * may not read the hold that the owner pushes to or one of those with the
   * owner's other repositories.
   */
  async requireNoneHidden(owner: Did, caller: Caller): Promise<void> {
    const { holds } = this.#deps;
    // Concurrent, so that hanging holds delay the response only once.
    await inParallel(await this.#holdsOf(owner), MAX_HOLDS, async (did) => {
      try {
        await requireRead(await holds.get(did), caller);
      } catch (error) {
        // An unreachable hold reveals no private repository either.
        if (!isAppError(error)) throw error;
        if (isAppError(error, "DENIED", "UNAUTHORIZED")) throw error;
      }
    });
  }

  /** Holds of the owner, that for pushes first; from cached data only. */
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
