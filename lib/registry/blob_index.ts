/**
 * Index of the blobs that a repository may serve, and of the holds with them. A
 * blob can be in several holds. The hold that has proven to have it comes
 * first; a hold that a record merely claims is stored in addition and never
 * replaces it.
 *
 * @module
 */

import { SharedReads } from "../async/shared_reads.ts";
import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { LeaseEnding } from "../kv/held_lease.ts";
import type { Atomic, Kv } from "../kv/kv.ts";
import type { Caller, HoldClient } from "../hold_api/hold_client.ts";
import type { Digest } from "../oci/digest.ts";
import { type JoinedRow, joinRows } from "../kv/joined_rows.ts";
import { registryKeys } from "./kv_keys.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import type { BlobRow } from "./rows.ts";

/** Blobs per commit: with the longest names their keys just fit. */
const BLOBS_PER_COMMIT = 40;

/** Attempts of a removal; it is put together again when its lease was renewed meanwhile. */
const REMOVE_ATTEMPTS = 5;

/** Further holds of one blob that are tried. */
const MAX_FURTHER_HOLDS = 16;

/** A blob with its size in bytes. */
export interface SizedBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** Reads and writes the rows of blobs. */
export class BlobIndex {
  readonly #kv: Kv;
  readonly #reads = new SharedReads();

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** The hold to try first; undefined when none has proven to have the blob. */
  async first(
    { did, repo }: RepoRef,
    digest: Digest,
  ): Promise<BlobRow | undefined> {
    const entry = await this.#reads.read(
      `${did} ${repo} ${digest}`,
      () => this.#kv.get<BlobRow>(registryKeys.blob(did, repo, digest)),
    );
    return entry?.value;
  }

  /** Other holds that claim to have the blob, or had it before. */
  async further(
    { did, repo }: RepoRef,
    digest: Digest,
    first: BlobRow | undefined,
  ): Promise<BlobRow[]> {
    const prefix = registryKeys.blobHolds(did, repo, digest);
    const rows: BlobRow[] = [];
    const limit = MAX_FURTHER_HOLDS + 1;
    for await (
      const { value } of this.#kv.list<BlobRow>({ prefix }, { limit })
    ) {
      if (value.holdDid !== first?.holdDid) rows.push(value);
    }
    return rows.slice(0, MAX_FURTHER_HOLDS);
  }

  /** For each of `digests`, whether the repository has it in this hold. */
  async inHold(
    { did, repo }: RepoRef,
    holdDid: Did,
    digests: readonly Digest[],
  ): Promise<boolean[]> {
    const first = await this.#kv.getMany<BlobRow>(
      digests.map((digest) => registryKeys.blob(did, repo, digest)),
    );
    const known = first.map((entry) => entry?.value.holdDid === holdDid);
    const open = digests.filter((_, i) => !known[i]);
    if (open.length === 0) return known;
    const further = await this.#kv.getMany(
      open.map((digest) => registryKeys.blobHold(did, repo, digest, holdDid)),
    );
    const found = new Set(open.filter((_, i) => further[i]));
    return digests.map((digest, i) => known[i] || found.has(digest));
  }

  /** Those of `digests` linked to the repository in `hold`, even if the hold lost them. */
  async linked(
    ref: RepoRef,
    hold: HoldClient,
    digests: readonly Digest[],
  ): Promise<Digest[]> {
    if (digests.length === 0) return [];
    const known = await this.inHold(ref, hold.did, digests);
    return digests.filter((_, i) => known[i]);
  }

  /**
   * Returns those of `digests` that a manifest in the repository may not
   * reference: blobs that the hold does not have now, and blobs never pushed to
   * the repository, which a pusher could read by referencing them. Publicly
   * readable blobs become part of the repository when nothing is missing.
   */
  async missing(
    ref: RepoRef,
    caller: Caller,
    hold: HoldClient,
    digests: readonly Digest[],
    signal?: AbortSignal,
  ): Promise<Digest[]> {
    if (digests.length === 0) return [];
    const [linked, sizes] = await Promise.all([
      this.inHold(ref, hold.did, digests),
      hold.statMany(caller, digests, signal),
    ]);
    const isOpen = linked.every(Boolean) ||
      (await hold.mayRead(undefined)).allowed;
    const missing: Digest[] = [];
    const found: SizedBlob[] = [];
    for (const [i, digest] of digests.entries()) {
      const size = sizes[i];
      if (size === undefined || !(linked[i] || isOpen)) missing.push(digest);
      else if (!linked[i]) found.push({ digest, size });
    }
    if (missing.length > 0 || found.length === 0) return missing;
    await hold.mayNeed(ref.did, found.map(({ digest }) => digest));
    await this.prove(ref, hold.did, found);
    return [];
  }

  /** Records that `holdDid` has proven to have `blobs`: it is tried first from now on. */
  async prove(
    ref: RepoRef,
    holdDid: Did,
    blobs: readonly SizedBlob[],
  ): Promise<void> {
    await this.#write(blobs, async (change, some) => {
      const before = await this.#kv.getMany<BlobRow>(
        some.map(({ digest }) => registryKeys.blob(ref.did, ref.repo, digest)),
      );
      some.forEach((blob, i) =>
        joinRows(change, firstRows(ref, holdDid, blob, before[i]?.value))
      );
    });
  }

  /**
   * Tries `holdDid`, a further hold that serves the blob, first from now on,
   * unless the blob was removed from the repository meanwhile.
   */
  async promote(ref: RepoRef, holdDid: Did, blob: SizedBlob): Promise<void> {
    const { did, repo } = ref;
    const { digest } = blob;
    const [first, further] = await this.#kv.getMany<BlobRow>([
      registryKeys.blob(did, repo, digest),
      registryKeys.blobHold(did, repo, digest, holdDid),
    ]);
    if (!further) return;
    const change = this.#kv.atomic().check(further.key, further.versionstamp);
    joinRows(change, firstRows(ref, holdDid, blob, first?.value));
    await change.commit();
  }

  /** Records that a record claims that `holdDid` has `blobs`. */
  async claim(
    { did, repo }: RepoRef,
    holdDid: Did,
    blobs: readonly SizedBlob[],
  ): Promise<void> {
    await this.#write(blobs, (change, some) => {
      for (const { digest, size } of some) {
        const row: BlobRow = { holdDid, size };
        change.set(registryKeys.blobHold(did, repo, digest, holdDid), row);
      }
    });
  }

  /**
   * Removes a blob from the repository and releases the lease of `ending` in
   * the same commit. Returns false when it is not in the repository. Throws
   * AppError `UNAVAILABLE` when the lease was lost; nothing is removed then.
   */
  async remove(
    { did, repo }: RepoRef,
    digest: Digest,
    ending: LeaseEnding,
  ): Promise<boolean> {
    for (let attempt = 0; attempt < REMOVE_ATTEMPTS; attempt++) {
      const change = this.#kv.atomic();
      const key = registryKeys.blob(did, repo, digest);
      const [row, ...held] = await this.#kv.getMany([key, ...ending.keys]);
      ending.add(change, held);
      let found = row !== undefined;
      change.delete(key);
      const prefix = registryKeys.blobHolds(did, repo, digest);
      const limit = 10 * MAX_FURTHER_HOLDS;
      for await (const entry of this.#kv.list({ prefix }, { limit })) {
        change.delete(entry.key);
        found = true;
      }
      if (!found) return false;
      if (!await change.commit()) continue;
      ending.done();
      return true;
    }
    throw new AppError(
      "UNAVAILABLE",
      "The repository is being changed by many at this moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }

  async #write(
    blobs: readonly SizedBlob[],
    add: (change: Atomic, some: readonly SizedBlob[]) => void | Promise<void>,
  ): Promise<void> {
    for (let i = 0; i < blobs.length; i += BLOBS_PER_COMMIT) {
      const change = this.#kv.atomic();
      await add(change, blobs.slice(i, i + BLOBS_PER_COMMIT));
      await change.commit();
    }
  }
}

/**
 * The rows for: `holdDid` has proven to have a blob and is tried first from now
 * on. The row of `before`, which was first, is kept as a further hold.
 */
export function firstRows(
  { did, repo }: RepoRef,
  holdDid: Did,
  { digest, size }: SizedBlob,
  before: BlobRow | undefined,
): JoinedRow[] {
  const row: BlobRow = { holdDid, size };
  const first = { key: registryKeys.blob(did, repo, digest), row };
  if (!before || before.holdDid === holdDid) return [first];
  const key = registryKeys.blobHold(did, repo, digest, before.holdDid);
  return [first, { key, row: before }];
}
