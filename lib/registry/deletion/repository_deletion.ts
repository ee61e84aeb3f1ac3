/**
 * Deletes whole repositories: every image and tag that is known here, and the
 * page, from the owner's repo, by a job that goes on where it was stopped.
 *
 * @module
 */

import { z } from "zod";
import type {
  Identity,
  IdentityResolver,
} from "../../atproto/identity/identity.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { pageRkey } from "../../atproto/records/rkeys.ts";
import type { Clock } from "../../clock.ts";
import { type Did, storedDidSchema } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { JobHandler } from "../../kv/jobs/job_handler.ts";
import { enqueue, type JobKind } from "../../kv/jobs/jobs.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { isManifestMediaType, manifestKind } from "../../oci/media_types.ts";
import type { Reference } from "../../oci/name.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ManifestIndex, RepoRef } from "../manifests/manifest_index.ts";
import type { Manifests } from "../manifests/manifests.ts";
import type { ManifestRow } from "../rows.ts";

export interface RepositoryDeletionDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  identities: Pick<IdentityResolver, "resolve">;
  session: (did: Did) => Promise<PdsSession | undefined>;
  index: Pick<ManifestIndex, "tagNames">;
  manifests: Pick<Manifests, "delete">;
  /** Has waiting jobs begun at once. */
  wake: () => void;
}

/** What goes with a repository. */
export interface RepositoryContent {
  readonly images: number;
  readonly tags: number;
  /** Names of the first tags. */
  readonly first: readonly string[];
  /** False where there is more than was counted. */
  readonly isWhole: boolean;
}

const payload = z.object({ did: storedDidSchema, repo: z.string() });

/** Retries for weeks, in which the owner may sign in again. */
export const REPOSITORY_DELETION: JobKind<z.infer<typeof payload>> = {
  name: "registry.repository_deletion",
  payload,
  backoffMs: 10_000,
  maxBackoffMs: 3_600_000,
  maxAttempts: 1_000,
  concurrency: 2,
};

/** Images and tags that a preview counts. */
const MAX_COUNTED = 10_000;
const MAX_SHOWN = 12;

/** Images deleted in one run of the job. */
const MAX_AT_ONCE = 500;

/** Times that what is left is looked through: an index in an index keeps its parts for one round each. */
const ROUNDS = 6;

/** Previews and deletes. */
export class RepositoryDeletion {
  readonly #deps: RepositoryDeletionDeps;

  constructor(deps: RepositoryDeletionDeps) {
    this.#deps = deps;
  }

  /** What is known here of a repository. */
  async preview(ref: RepoRef): Promise<RepositoryContent> {
    const { index } = this.#deps;
    const tags = await index.tagNames(ref, { limit: MAX_COUNTED });
    const images = await this.#manifests(ref, MAX_COUNTED);
    return {
      images: images.length,
      tags: tags.length,
      first: tags.slice(0, MAX_SHOWN),
      isWhole: images.length < MAX_COUNTED && tags.length < MAX_COUNTED,
    };
  }

  /** Has a repository deleted by the job; returns at once. */
  async begin({ did, repo }: RepoRef): Promise<void> {
    const { kv, clock, wake } = this.#deps;
    const commit = kv.atomic();
    enqueue(commit, clock, REPOSITORY_DELETION, { did, repo }, {
      dedupeKey: `${did} ${repo}`,
    });
    await commit.commit();
    wake();
  }

  /** Deletes; the handler of {@linkcode REPOSITORY_DELETION}. */
  readonly run: JobHandler<z.infer<typeof payload>> = async (
    { did, repo },
    { signal },
  ) => {
    const { identities, session: sessionOf, log } = this.#deps;
    const ref = { did, repo };
    const owner = await identities.resolve(did, { signal });
    const session = await sessionOf(did);
    if (!session) {
      throw new AppError(
        "UNAUTHORIZED",
        `${did} has to sign in again before the repository can be deleted.`,
      );
    }
    let isStuck = false;
    for (let round = 0; round < ROUNDS; round++) {
      // Without tags no index keeps another, also where bytes are not available.
      const left = isStuck
        ? await this.#tags(ref)
        : await this.#references(ref);
      if (left.length === 0) break;
      let deleted = 0;
      for (const reference of left) {
        signal.throwIfAborted();
        if (await this.#delete(owner, ref, session, reference, signal)) {
          deleted++;
        }
      }
      isStuck = deleted === 0 && !isStuck;
    }
    if ((await this.#references(ref)).length > 0) return await this.begin(ref);
    await session.deleteRecord(OWNER_COLLECTIONS.page, pageRkey(repo), signal);
    log.info("repository deleted", { did, repo });
  };

  /** Returns false where nothing was deleted: it is gone already, or an index needs it. */
  async #delete(
    owner: Identity,
    { repo }: RepoRef,
    session: PdsSession,
    reference: Reference,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { manifests } = this.#deps;
    try {
      await manifests.delete(owner, repo, session, reference, signal);
      return true;
    } catch (error) {
      if (!isAppError(error, "MANIFEST_UNKNOWN", "UNSUPPORTED")) throw error;
      return false;
    }
  }

  /** What is left: indexes before what they name, then tags of what is not known here. */
  async #references(ref: RepoRef): Promise<Reference[]> {
    const images = await this.#manifests(ref, MAX_AT_ONCE);
    if (images.length > 0) {
      return images.sort((a, b) => Number(b.isIndex) - Number(a.isIndex))
        .map(({ digest }) => ({ kind: "digest", digest }));
    }
    return await this.#tags(ref);
  }

  async #tags(ref: RepoRef): Promise<Reference[]> {
    const tags = await this.#deps.index.tagNames(ref, { limit: MAX_AT_ONCE });
    return tags.map((tag) => ({ kind: "tag", tag }));
  }

  async #manifests(
    { did, repo }: RepoRef,
    limit: number,
  ): Promise<{ digest: Digest; isIndex: boolean }[]> {
    const found: { digest: Digest; isIndex: boolean }[] = [];
    const prefix = registryKeys.manifests(did, repo);
    const rows = this.#deps.kv.list<ManifestRow>({ prefix }, { limit });
    for await (const { key, value: { mediaType } } of rows) {
      const digest = String(key.at(-1));
      const isIndex = isManifestMediaType(mediaType) &&
        manifestKind(mediaType) === "index";
      if (isDigest(digest)) found.push({ digest, isIndex });
    }
    return found;
  }
}
