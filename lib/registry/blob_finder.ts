/**
 * Finds the hold that serves a blob of a repository.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import type {
  Caller,
  HoldClient,
  HoldDirectory,
} from "../hold_api/hold_client.ts";
import type { Kv } from "../kv/kv.ts";
import type { Digest } from "../oci/digest.ts";
import type { BlobIndex } from "./blob_index.ts";
import { registryKeys } from "./kv_keys.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import type { HiddenRepositories } from "./owners/hidden_repositories.ts";
import type { BlobRow, RepositoryRow } from "./rows.ts";

export interface BlobFinderDeps {
  kv: Kv;
  holds: HoldDirectory;
  hidden: Pick<HiddenRepositories, "requireNoneHidden" | "requireRead">;
  index: BlobIndex;
}

/** A hold that has a blob, with its size. */
export interface FoundBlob {
  readonly hold: HoldClient;
  readonly size: number;
  /** Whether the hold reported it just now; false when it did earlier. */
  readonly asked: boolean;
}

/** Options of a lookup. */
export interface Look {
  /** `recall` trusts the index where a hold has proven to have the blob. */
  readonly how: "recall" | "stat" | "check";
  /** Holds that are not tried. */
  readonly failed: ReadonlySet<Did>;
}

/** Looks for blobs at the holds listed in the index. */
export class BlobFinder {
  readonly #deps: BlobFinderDeps;

  constructor(deps: BlobFinderDeps) {
    this.#deps = deps;
  }

  /**
   * Finds a hold that has the blob and lets `caller` read it. Tries the others
   * when the first one cannot serve it or refuses; the one that serves it is
   * tried first from now on. Skips those that have `failed`.
   */
  async find(
    ref: RepoRef,
    caller: Caller,
    digest: Digest,
    { how, failed }: Look,
  ): Promise<FoundBlob> {
    const { kv, hidden, index } = this.#deps;
    const first = await index.first(ref, digest);
    let problem: unknown;
    if (first && !failed.has(first.holdDid)) {
      try {
        return how === "recall"
          ? await this.#recall(ref, first, caller)
          : await this.#ask(ref, first, caller, digest, how);
      } catch (error) {
        if (!isAppError(error)) throw error;
        problem = error;
      }
    }
    const further = (await index.further(ref, digest, first))
      .filter(({ holdDid }) => !failed.has(holdDid));
    if (!first && further.length === 0) {
      const repository = registryKeys.repository(ref.did, ref.repo);
      const known = (await kv.get<RepositoryRow>(repository))?.value;
      if (!known) await hidden.requireNoneHidden(ref.did, caller);
      else await hidden.requireRead(ref.did, known.holdDid, caller);
      throw unknownBlob(digest);
    }
    if (further.length === 0) throw problem ?? unknownBlob(digest);
    const asking = how === "recall" ? "stat" : how;
    try {
      const found = await Promise.any(
        further.map((row) => this.#ask(ref, row, caller, digest, asking)),
      );
      const { size } = found;
      await index.promote(ref, found.hold.did, { digest, size });
      return found;
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      throw mostTelling([...(problem ? [problem] : []), ...error.errors]);
    }
  }

  /** Throws AppError: `BLOB_UNKNOWN`, the hold's refusal, or why it cannot be reached. */
  async #ask(
    ref: RepoRef,
    row: BlobRow,
    caller: Caller,
    digest: Digest,
    how: "stat" | "check",
  ): Promise<FoundBlob> {
    const { hold } = await this.#recall(ref, row, caller);
    const found = await hold[how](caller, digest);
    if (!found) throw unknownBlob(digest);
    return { hold, size: found.size, asked: true };
  }

  /** Throws AppError: the hold's refusal, or why it cannot be reached. */
  async #recall(
    ref: RepoRef,
    { holdDid, size }: BlobRow,
    caller: Caller,
  ): Promise<FoundBlob> {
    const { holds, hidden } = this.#deps;
    await hidden.requireRead(ref.did, holdDid, caller);
    const hold = await holds.get(holdDid);
    return { hold, size, asked: false };
  }
}

/** Selects the error of several holds to pass on: the blob is unknown only if all say so. */
function mostTelling(errors: readonly unknown[]): unknown {
  return errors.find((error) => !isAppError(error)) ??
    errors.find((error) => isAppError(error, "DENIED", "UNAUTHORIZED")) ??
    errors.find((error) => !isAppError(error, "BLOB_UNKNOWN")) ?? errors[0];
}

/** Returns AppError `BLOB_UNKNOWN`. */
export function unknownBlob(digest: Digest): AppError {
  return new AppError(
    "BLOB_UNKNOWN",
    `The repository has no blob ${digest}.`,
    { detail: { digest } },
  );
}
