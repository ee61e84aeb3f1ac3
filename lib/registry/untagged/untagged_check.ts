/**
 * Whether an image is named by nothing: neither here nor in the owner's repo,
 * where other registries write as well. In doubt it counts as named.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readManifest, readTag } from "../../atproto/records/records.ts";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { referrersTag } from "../../oci/referrers.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ManifestIndex, RepoRef } from "../manifests/manifest_index.ts";
import type { ManifestUses } from "../manifests/manifest_uses.ts";
import type { ListedRecord, OwnerReader } from "../owners/owner_reader.ts";

export interface UntaggedCheckDeps {
  kv: Kv;
  index: Pick<ManifestIndex, "manifest" | "storedTag">;
  uses: Pick<ManifestUses, "isNamed">;
  reader: Pick<OwnerReader, "pages">;
}

/** Pages of 100 records of a collection that are read; with more an image stays. */
const MAX_PAGES = 1_000;

/** Manifests that a record lists at most; a longer list is cut. */
const LISTED_IN_FULL = 1_000;

/** Looks for names of images. */
export class UntaggedCheck {
  readonly #deps: UntaggedCheckDeps;

  constructor(deps: UntaggedCheckDeps) {
    this.#deps = deps;
  }

  /** Whether no tag, index or referrer of the repository that is known here names the image. */
  async isUnusedHere(ref: RepoRef, digest: Digest): Promise<boolean> {
    const { index, uses } = this.#deps;
    if (!await index.manifest(ref, digest)) return false;
    return !await this.#isTagged(ref, digest) &&
      !await this.#hasTagOfName(ref, digest) &&
      !await uses.isNamed(ref, digest);
  }

  /** Whether no record in the owner's repo names the image. Throws AppError where it cannot be read. */
  async isUnusedAtOwner(owner: Identity, digest: Digest): Promise<boolean> {
    const { tag, manifest } = OWNER_COLLECTIONS;
    const rkey = manifestRkey(digest);
    const isTag = (value: ListedRecord["value"]) => {
      const found = readTag(value);
      return found?.digest === digest || found?.manifestRkey === rkey;
    };
    return await this.#isNone(owner, tag, isTag) &&
      await this.#isNone(
        owner,
        manifest,
        (value) => namesOther(value, digest),
      );
  }

  /** Whether `names` applies to no record of a collection. */
  async #isNone(
    owner: Identity,
    collection: string,
    names: (value: ListedRecord["value"]) => boolean,
  ): Promise<boolean> {
    let pages = 0;
    for await (
      const { records } of this.#deps.reader.pages(owner, collection)
    ) {
      if (records.some(({ value }) => names(value))) return false;
      if (++pages > MAX_PAGES) return false;
    }
    return true;
  }

  async #isTagged(ref: RepoRef, digest: Digest): Promise<boolean> {
    const prefix = registryKeys.manifestTags(ref.did, ref.repo, digest);
    for await (const { key } of this.#deps.kv.list({ prefix })) {
      const row = await this.#deps.index.storedTag(ref, String(key.at(-1)));
      if (row?.value.digest === digest) return true;
    }
    return false;
  }

  /** Signatures and the like of older clients are tags that are named after the image. */
  async #hasTagOfName(
    { did, repo }: RepoRef,
    digest: Digest,
  ): Promise<boolean> {
    const prefix = registryKeys.tags(did, repo);
    const name = referrersTag(digest);
    const start = [...prefix, name];
    const rows = this.#deps.kv.list({ prefix, start }, { limit: 1 });
    for await (const { key } of rows) {
      return String(key.at(-1)).startsWith(name);
    }
    return false;
  }
}

/** Whether a record of another manifest names the image in any field, or may do so where it is cut. */
function namesOther(
  value: Readonly<Record<string, unknown>>,
  digest: Digest,
): boolean {
  if (readManifest(value)?.digest === digest) return false;
  const { manifests } = value;
  const isCut = Array.isArray(manifests) && manifests.length >= LISTED_IN_FULL;
  return isCut || JSON.stringify(value).includes(digest);
}
