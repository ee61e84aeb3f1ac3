/**
 * Parsed manifests by digest. Content never changes, so that an entry is right
 * for ever.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { isAppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import type { ParsedManifest } from "../../oci/manifest.ts";
import { readManifestAside } from "../../oci/manifest_reading.ts";
import type { ManifestContent } from "../manifests/content.ts";

/** Bytes of manifests whose parsed form is remembered. */
const MEMORY_BYTES = 8 * 1024 * 1024;

/** Reads manifests that are stored here. Who may see them is the caller's to check. */
export class ParsedManifests {
  readonly #content: Pick<ManifestContent, "get">;
  readonly #memory = new LRUCache<Digest, ParsedManifest>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: ({ size }) => Math.max(size, 256),
  });

  constructor(content: Pick<ManifestContent, "get">) {
    this.#content = content;
  }

  /** The manifest; undefined when it is not stored here, or cannot be read. */
  async get(
    digest: Digest,
    mediaType: string,
  ): Promise<ParsedManifest | undefined> {
    const known = this.#memory.get(digest);
    if (known) return known;
    const bytes = await this.#content.get(digest);
    if (!bytes) return undefined;
    try {
      const manifest = await readManifestAside(bytes, mediaType);
      this.#memory.set(digest, manifest);
      return manifest;
    } catch (error) {
      if (isAppError(error)) return undefined;
      throw error;
    }
  }
}
