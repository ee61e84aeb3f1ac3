/**
 * Makes missing repositories indistinguishable from those that a caller may not
 * read: otherwise names of private ones could be guessed.
 *
 * @module
 */

import { inParallel } from "../../async/in_parallel.ts";
import { LateCalls } from "../../async/late_calls.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";
import { requireRead, unreadable } from "../holds.ts";
import type { RepositoryList } from "../lists/repository_list.ts";
import type { Owners } from "./owners.ts";

export interface HiddenRepositoriesDeps {
  holds: HoldDirectory;
  repositories: RepositoryList;
  owners: Pick<Owners, "knownHold">;
  clock: Clock;
}

/** Maximum repositories of one owner whose holds are read. */
const MAX_REPOSITORIES = 1_000;

/** Maximum holds of one owner that are queried. */
const MAX_HOLDS = 16;

/** How long a hold is queried alone, in milliseconds. */
const ALONE_MS = 250;

/** When a client may ask again, in seconds. */
const RETRY_S = 10;

/**
 * Decides whether a caller may read a repository, or may learn that there is
 * none. A refusal is the same for every repository of an owner, missing or not,
 * and takes the same time: all holds of the owner are queried before it.
 */
export class HiddenRepositories {
  readonly #deps: HiddenRepositoriesDeps;
  readonly #late: LateCalls;

  constructor(deps: HiddenRepositoriesDeps) {
    this.#deps = deps;
    this.#late = new LateCalls(deps.clock, ALONE_MS);
  }

  /**
   * Call before anything of a repository in `hold` is read. Throws AppError
   * `DENIED` or `UNAUTHORIZED` when `caller` may not read there, and
   * `UNAVAILABLE` when a hold of the owner cannot be reached. The owner gets the
   * error of `hold` itself.
   */
  async requireRead(owner: Did, hold: Did, caller: Caller): Promise<void> {
    const { holds } = this.#deps;
    let asked: Promise<void> | undefined;
    const askAll = () => asked ??= this.#askAll(owner, caller, hold);
    // A missing repository waits for all holds together, so this one does too.
    const inTime = this.#late.add(() => {
      if (caller !== owner) askAll().catch(() => {});
    });
    try {
      await requireRead(await holds.get(hold), caller);
    } catch (error) {
      if (!isAppError(error) || caller === owner) throw error;
      await askAll();
    } finally {
      inTime();
    }
  }

  /**
   * Call before reporting that a repository of `owner` is unknown. Throws the
   * AppError of a repository that `caller` may not read, or whose hold cannot be
   * reached, when the owner may have one: at the hold for pushes, or at one of
   * those with the owner's other repositories, also when these are too many to
   * be sure.
   */
  async requireNoneHidden(owner: Did, caller: Caller): Promise<void> {
    await this.#askAll(owner, caller);
  }

  async #askAll(owner: Did, caller: Caller, hold?: Did): Promise<void> {
    const { holds } = this.#deps;
    const { found: queried, all } = await this.#holdsOf(owner);
    if (hold !== undefined) queried.add(hold);
    let refusal: AppError | undefined;
    let cause: AppError | undefined;
    await inParallel(queried, queried.size, async (did) => {
      try {
        await requireRead(await holds.get(did), caller);
      } catch (error) {
        if (!isAppError(error)) throw error;
        if (isAppError(error, "DENIED", "UNAUTHORIZED")) refusal ??= error;
        else cause ??= error;
      }
    });
    // Names in a hold that was not queried must not be found out.
    if (!all && caller !== owner) refusal ??= unreadable(caller);
    if (refusal) throw refusal;
    // Owners know the names of their repositories, and push to new ones.
    if (!cause || caller === owner) return;
    // Without the name of the hold: it would reveal which repository exists.
    throw new AppError(
      "UNAVAILABLE",
      "A hold of the owner of this repository does not respond, so it is unknown whether the repository exists and you may read it. Try again later.",
      { cause, retryAfterSeconds: RETRY_S },
    );
  }

  /**
   * Holds of the owner, that for pushes first, from cached data only, and
   * whether they are all.
   */
  async #holdsOf(owner: Did): Promise<{ found: Set<Did>; all: boolean }> {
    const { owners, repositories } = this.#deps;
    const found = new Set([await owners.knownHold(owner)]);
    let left = MAX_REPOSITORIES;
    for await (const { row } of repositories.of(owner)) {
      if (--left < 0) return { found, all: false };
      if (found.has(row.holdDid)) continue;
      if (found.size === MAX_HOLDS) return { found, all: false };
      found.add(row.holdDid);
    }
    return { found, all: true };
  }
}
