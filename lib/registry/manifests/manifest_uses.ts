/**
 * Finds references between manifests of a repository, so that no part of an
 * image is deleted that can still be pulled. Manifests are searched when
 * something is deleted, which is rare, instead of being indexed with every
 * push.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { childManifests } from "../../oci/manifest.ts";
import {
  namedDigestsAside,
  readManifestAside,
} from "../../oci/manifest_reading.ts";
import { isManifestMediaType, manifestKind } from "../../oci/media_types.ts";
import { isReferrersTag } from "../../oci/referrers.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ManifestRow, StoredTagRow } from "../rows.ts";
import type { RepoRef } from "./manifest_index.ts";

export interface ManifestUsesDeps {
  kv: Kv;
  /** Reads the bytes of a manifest from any source; undefined when they are unavailable. */
  bytes: (
    ref: RepoRef,
    manifest: Digest,
  ) => Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Whether content in use may be deleted anyway. */
  allowed: boolean;
}

/** The repository as of a check, for a later one. */
export interface CheckedState {
  /** Changes with every manifest that is stored in the repository. */
  readonly version: string | null;
}

/** Size of the cache of digests found in manifests; they never change. */
const MAX_REMEMBERED = 50_000;

/** Checks what is in use. */
export class ManifestUses {
  readonly #deps: ManifestUsesDeps;
  readonly #found = new LRUCache<string, ReadonlySet<Digest>>({
    maxSize: MAX_REMEMBERED,
    sizeCalculation: (digests) => digests.size + 1,
  });

  constructor(deps: ManifestUsesDeps) {
    this.#deps = deps;
  }

  /**
   * Throws AppError `UNSUPPORTED` when a manifest of the repository references
   * the blob, or may do so, because its bytes are not available; and the errors
   * of reading manifests. With the result of an earlier call for the blob,
   * `checked`, nothing is searched unless a manifest was stored in the
   * repository since.
   */
  async requireBlobUnused(
    ref: RepoRef,
    blob: Digest,
    checked?: CheckedState,
  ): Promise<CheckedState> {
    return await this.#unlessChecked(
      ref,
      checked,
      () => this.#requireBlobUnused(ref, blob),
    );
  }

  /**
   * Whether another manifest of the repository names this one: an index, or a
   * referrer as its subject; or may do so, because its bytes are not available.
   * Throws the errors of reading manifests.
   */
  async isNamed(ref: RepoRef, manifest: Digest): Promise<boolean> {
    for await (const { digest } of this.#manifests(ref)) {
      if (digest === manifest) continue;
      const named = await this.#digests(ref, digest, "all", namedDigestsAside);
      if (!named || named.has(manifest)) return true;
    }
    return false;
  }

  /**
   * Throws AppError `UNSUPPORTED` when a tag of the repository leads to the
   * manifest through one or more indexes, or may do so, because the bytes of an
   * index are not available; and the errors of reading indexes. With the
   * result of an earlier call for the manifest, `checked`, nothing is searched
   * unless a manifest was stored in the repository since.
   */
  async requireNoTaggedIndex(
    ref: RepoRef,
    manifest: Digest,
    checked?: CheckedState,
  ): Promise<CheckedState> {
    return await this.#unlessChecked(
      ref,
      checked,
      () => this.#requireNoTaggedIndex(ref, manifest),
    );
  }

  /** Runs `check` unless no manifest was stored since `checked`, or everything may be deleted. */
  async #unlessChecked(
    { did, repo }: RepoRef,
    checked: CheckedState | undefined,
    check: () => Promise<void>,
  ): Promise<CheckedState> {
    const { kv, allowed } = this.#deps;
    if (allowed) return { version: null };
    // Every manifest that is stored writes this row.
    const row = await kv.get(registryKeys.repository(did, repo));
    const version = row?.versionstamp ?? null;
    if (checked?.version === version) return checked;
    await check();
    return { version };
  }

  async #requireBlobUnused(ref: RepoRef, blob: Digest): Promise<void> {
    for await (const { digest } of this.#manifests(ref)) {
      const named = await this.#digests(ref, digest, "all", namedDigestsAside);
      if (!named) {
        throw inUse(
          `The manifest ${digest} of this repository may name the blob ${blob}, but its bytes are not available here or in its owner's repo; push it again, or delete it first.`,
        );
      }
      if (!named.has(blob)) continue;
      throw inUse(
        `The manifest ${digest} of this repository names the blob ${blob}; delete the manifest first.`,
      );
    }
  }

  async #requireNoTaggedIndex(ref: RepoRef, manifest: Digest): Promise<void> {
    const indexes = await this.#indexes(ref, manifest);
    const seen = new Set([manifest]);
    for (const child of seen) {
      for (const [index, children] of indexes) {
        if (seen.has(index) || children && !children.has(child)) continue;
        const tag = await this.#tagOf(ref, index);
        if (tag !== undefined) {
          throw inUse(
            children
              ? `The index ${index} with the tag ${tag} needs the manifest ${manifest}; delete the tag or the index first.`
              : `The index ${index} with the tag ${tag} may need the manifest ${manifest}, but its bytes are not available here or in its owner's repo; push it again, or delete the tag or the index first.`,
          );
        }
        seen.add(index);
      }
    }
  }

  /** The other indexes of the repository with their children; undefined where the bytes are unavailable. */
  async #indexes(
    ref: RepoRef,
    manifest: Digest,
  ): Promise<ReadonlyMap<Digest, ReadonlySet<Digest> | undefined>> {
    const indexes = new Map<Digest, ReadonlySet<Digest> | undefined>();
    for await (const { digest, row } of this.#manifests(ref)) {
      const { mediaType } = row;
      if (digest === manifest || !isIndex(mediaType)) continue;
      const children = await this.#digests(
        ref,
        digest,
        "children",
        (bytes) => childrenOf(bytes, mediaType),
      );
      indexes.set(digest, children);
    }
    return indexes;
  }

  async *#manifests(
    { did, repo }: RepoRef,
  ): AsyncIterableIterator<{ digest: Digest; row: ManifestRow }> {
    const rows = this.#deps.kv.list<ManifestRow>({
      prefix: registryKeys.manifests(did, repo),
    });
    for await (const { key, value } of rows) {
      const digest = String(key.at(-1));
      if (isDigest(digest)) yield { digest, row: value };
    }
  }

  async #tagOf({ did, repo }: RepoRef, digest: Digest) {
    const prefix = registryKeys.manifestTags(did, repo, digest);
    const { kv } = this.#deps;
    for await (const { key } of kv.list({ prefix })) {
      const tag = String(key.at(-1));
      // A list of referrers does not require its entries: clients delete a
      // referrer first and update the list afterwards.
      if (isReferrersTag(tag)) continue;
      const row = await kv.get<StoredTagRow>(registryKeys.tag(did, repo, tag));
      // The tag may have moved.
      if (row?.value.digest === digest) return tag;
    }
    return undefined;
  }

  /** Digests that `read` finds in a manifest; undefined if its bytes are unavailable. */
  async #digests(
    ref: RepoRef,
    manifest: Digest,
    which: "all" | "children",
    read: (bytes: Uint8Array<ArrayBuffer>) => Promise<ReadonlySet<Digest>>,
  ): Promise<ReadonlySet<Digest> | undefined> {
    const key = `${which} ${manifest}`;
    const known = this.#found.get(key);
    if (known) return known;
    const bytes = await this.#deps.bytes(ref, manifest);
    if (!bytes) return undefined;
    const found = await read(bytes);
    this.#found.set(key, found);
    return found;
  }
}

function isIndex(mediaType: string): boolean {
  return isManifestMediaType(mediaType) && manifestKind(mediaType) === "index";
}

async function childrenOf(
  bytes: Uint8Array<ArrayBuffer>,
  mediaType: string,
): Promise<Set<Digest>> {
  const children = childManifests(await readManifestAside(bytes, mediaType));
  return new Set(children.map(({ digest }) => digest));
}

function inUse(message: string): AppError {
  return new AppError("UNSUPPORTED", message);
}
