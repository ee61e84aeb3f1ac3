/**
 * Deletes images that lose their last tag to a push, for owners who want that
 * (`autoRemoveUntagged` of the sailor profile). What anything else names stays:
 * a tag, an index, a signature or another referrer.
 *
 * @module
 */

import { z } from "zod";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import type { Clock } from "../../clock.ts";
import { type Did, storedDidSchema } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { JobHandler } from "../../kv/jobs/job_handler.ts";
import { type JobKind, planJob } from "../../kv/jobs/jobs.ts";
import type { Logger } from "../../log.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import type { JoinedRow } from "../../kv/joined_rows.ts";
import type { ManifestDeletion } from "../manifests/manifest_deletion.ts";
import type { Owners } from "../owners/owners.ts";
import type { RepositoryEvent } from "../repository_events.ts";
import type { WriteLeases } from "../write_leases.ts";
import type { UntaggedCheck } from "./untagged_check.ts";

export interface UntaggedImagesDeps {
  clock: Clock;
  log: Logger;
  identities: Pick<IdentityResolver, "resolve">;
  owners: Pick<Owners, "removesUntagged">;
  session: (did: Did) => Promise<PdsSession | undefined>;
  leases: WriteLeases;
  check: UntaggedCheck;
  deletion: ManifestDeletion;
}

const payload = z.object({
  did: storedDidSchema,
  repo: z.string(),
  digest: z.custom<Digest>((value) =>
    typeof value === "string" && isDigest(value)
  ),
});

/** An image that a tag was moved away from. Without success for some hours it stays. */
export const UNTAGGED: JobKind<z.infer<typeof payload>> = {
  name: "registry.untagged",
  payload,
  maxAttempts: 8,
  concurrency: 2,
};

/** Images that one push may be the reason to look at. */
const MAX_PLANNED = 50;

/** Removes them. */
export class UntaggedImages {
  readonly #deps: UntaggedImagesDeps;

  constructor(deps: UntaggedImagesDeps) {
    this.#deps = deps;
  }

  /** The rows that have the images looked at that `event` moves tags away from. */
  plan(event: RepositoryEvent): readonly JoinedRow[] {
    if (event.kind !== "push") return [];
    const { ref: { did, repo }, digest: now, tags } = event;
    const former = new Set(
      tags.flatMap(({ from }) =>
        from === undefined || from === now ? [] : [from]
      ),
    );
    return [...former].slice(0, MAX_PLANNED).flatMap((digest) =>
      planJob(this.#deps.clock, UNTAGGED, { did, repo, digest }, {
        dedupeKey: `${did} ${repo} ${digest}`,
      }).rows
    );
  }

  /** Looks at one image; the handler of {@linkcode UNTAGGED}. */
  readonly run: JobHandler<z.infer<typeof payload>> = async (
    { did, repo, digest },
    { signal },
  ) => {
    const { identities, owners, session: sessionOf, log } = this.#deps;
    const { leases, check, deletion } = this.#deps;
    const owner = await identities.resolve(did, { signal });
    if (!await owners.removesUntagged(owner, signal)) return;
    const ref = { did, repo };
    if (!await check.isUnusedHere(ref, digest)) return;
    const session = await sessionOf(did);
    // The owner has signed out: nothing may be written in their name.
    if (!session) return;
    try {
      // Pushes of the image wait, so that none of them tags it meanwhile.
      await leases.hold(ref, { digest, tags: [] }, async (lost) => {
        const isUnused = await check.isUnusedHere(ref, digest) &&
          await check.isUnusedAtOwner(owner, digest);
        if (!isUnused) return;
        await deletion.delete(ref, session, digest, {
          lost,
          signal,
          isNeeded: async () => !await check.isUnusedHere(ref, digest),
        });
        log.info("untagged image deleted", { did, repo, digest });
      }, signal);
    } catch (error) {
      // Deleted meanwhile, or needed after all.
      if (!isAppError(error, "MANIFEST_UNKNOWN", "UNSUPPORTED")) throw error;
    }
  };
}
