/**
 * Referrers that a client without the referrers API has listed in an index
 * under a tag named after the subject (distribution-spec, "Referrers Tag
 * Schema"). They must be in the API's list as well.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { readManifestAside } from "../../oci/manifest_reading.ts";
import { referrersTag } from "../../oci/referrers.ts";
import type { Admit } from "../../async/admitted_flight.ts";
import type { Discovery } from "../manifests/discovery.ts";
import type { ManifestIndex } from "../manifests/manifest_index.ts";
import { isHeard, type ReferrerRow, type TagRow } from "../rows.ts";

export interface TaggedReferrersDeps {
  log: Logger;
  index: ManifestIndex;
  discovery: Discovery;
}

/** Maximum entries of one list looked up in the owner's repo, at one request each. */
const MAX_LOOKUPS = 20;

/** Reads the lists that clients maintain. */
export class TaggedReferrers {
  readonly #deps: TaggedReferrersDeps;

  constructor(deps: TaggedReferrersDeps) {
    this.#deps = deps;
  }

  /**
   * Entries of the list for `subject`, in digest order. Omits those whose
   * manifest was deleted, because the client may not have updated the list.
   * `admit` is awaited before the owner's repo is queried; its errors are
   * passed on.
   */
  async of(
    owner: Identity,
    repo: string,
    subject: Digest,
    admit?: Admit,
  ): Promise<ReferrerRow[]> {
    const { index, discovery } = this.#deps;
    const ref = { did: owner.did, repo };
    const tag = await this.#tag(owner, repo, referrersTag(subject), admit);
    if (!tag) return [];
    const bytes = await discovery.bytes(owner, repo, tag.digest);
    if (!bytes) return [];
    const { manifests, isTrimmed } = await readManifestAside(
      bytes,
      tag.mediaType,
    );
    const rows = await index.manifests(ref, manifests.map((m) => m.digest));
    const found = new Map<Digest, ReferrerRow>();
    let lookups = 0;
    for (const [i, listed] of manifests.entries()) {
      let row = rows[i];
      if (!row && lookups++ < MAX_LOOKUPS) {
        await admit?.();
        row = await this.#lookUp(owner, repo, listed.digest);
      }
      if (row) {
        const entry = entryOf(listed, row.artifactType);
        // The annotations of the list were omitted; those of the manifest are the same.
        const elsewhere = isTrimmed
          ? { annotationsInContent: true } as const
          : {};
        found.set(listed.digest, { ...entry, ...elsewhere });
      }
    }
    return [...found.values()].sort((a, b) => a.digest < b.digest ? -1 : 1);
  }

  /** The target of the tag; a tag known only by name is looked up. */
  async #tag(
    owner: Identity,
    repo: string,
    tag: string,
    admit?: Admit,
  ): Promise<TagRow | undefined> {
    const { index, discovery } = this.#deps;
    const stored = await index.storedTag({ did: owner.did, repo }, tag);
    if (!stored) return undefined;
    if (!isHeard(stored.value)) return stored.value;
    await admit?.();
    return await discovery.findTag(owner, repo, tag, admit);
  }

  /** The manifest may have been pushed through another service. */
  async #lookUp(owner: Identity, repo: string, digest: Digest) {
    const { discovery, log } = this.#deps;
    try {
      return await discovery.findManifest(owner, repo, digest);
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.debug("listed referrer not found", { did: owner.did, digest, error });
      return undefined;
    }
  }
}

function entryOf(
  { mediaType, digest, size, annotations, artifactType }: Descriptor,
  fallback: string | undefined,
): ReferrerRow {
  const type = artifactType ?? fallback;
  return {
    mediaType,
    digest,
    size,
    ...(type === undefined ? {} : { artifactType: type }),
    ...(annotations ? { annotations } : {}),
  };
}
