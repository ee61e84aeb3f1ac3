/**
 * Referrers that a client without the referrers API has listed in an index
 * under a tag of the subject's name (distribution-spec, "Referrers Tag
 * Schema"). They have to be in the API's list as well.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { referrersTag } from "../../oci/referrers.ts";
import type { ManifestContent } from "../manifests/content.ts";
import type { Discovery } from "../manifests/discovery.ts";
import type { ManifestIndex } from "../manifests/manifest_index.ts";
import type { ReferrerRow } from "../rows.ts";

/** What {@linkcode TaggedReferrers} needs. */
export interface TaggedReferrersDeps {
  log: Logger;
  index: ManifestIndex;
  content: ManifestContent;
  discovery: Discovery;
}

/** Entries of one list that are looked up in the owner's repo, which takes a request each. */
const MAX_LOOKUPS = 20;

/** Reads the lists that clients keep themselves. */
export class TaggedReferrers {
  readonly #deps: TaggedReferrersDeps;

  constructor(deps: TaggedReferrersDeps) {
    this.#deps = deps;
  }

  /**
   * Entries of the list for `subject`, in digest order. Those whose manifest
   * was deleted are left out: nobody may have mended the list.
   */
  async of(
    owner: Identity,
    repo: string,
    subject: Digest,
  ): Promise<ReferrerRow[]> {
    const { index, content } = this.#deps;
    const ref = { did: owner.did, repo };
    const tag = (await index.tag(ref, referrersTag(subject)))?.value;
    if (!tag) return [];
    const bytes = await content.get(tag.digest);
    if (!bytes) return [];
    const { manifests } = parseManifest(bytes, tag.mediaType);
    const rows = await index.manifests(ref, manifests.map((m) => m.digest));
    const found = new Map<Digest, ReferrerRow>();
    let lookups = 0;
    for (const [i, listed] of manifests.entries()) {
      let row = rows[i];
      if (!row && lookups++ < MAX_LOOKUPS) {
        row = await this.#lookUp(owner, repo, listed.digest);
      }
      if (row) found.set(listed.digest, entryOf(listed, row.artifactType));
    }
    return [...found.values()].sort((a, b) => a.digest < b.digest ? -1 : 1);
  }

  /** The manifest may have been pushed by way of another service. */
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
