/**
 * Verifies stored pictures before they are served. A damaged object is removed,
 * so that the next request renders or fetches it again.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { CID } from "multiformats/cid";
import { SingleFlight } from "../../async/single_flight.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { readObject } from "../../scrub/read_object.ts";
import type { Pace } from "../../scrub/source.ts";
import type { BlobStore, ObjectInfo } from "../../storage/blob_store.ts";
import { OUTPUT_TYPES } from "../image/encode.ts";
import { MEDIA_TYPES } from "../image/info.ts";
import { variantKey } from "../kv_keys.ts";
import {
  type ObjectName,
  originalKey,
  variantObjectKey,
} from "../picture_keys.ts";
import type { AvatarObserver } from "../observer.ts";
import { isInStore, type VariantRow } from "../picture_rows.ts";

export interface StoredPicturesDeps {
  readonly kv: Kv;
  readonly log: Logger;
  readonly store: BlobStore;
  readonly observer: Pick<AvatarObserver, "pictureDamaged">;
  /** Identity of the store, as in its rows. */
  readonly storeId: string;
  /** Called when the object of a variant no longer exists. */
  readonly onGone: (name: ObjectName) => Promise<void>;
}

/** State of an object. */
export type PictureState = "right" | "missing" | "size" | "digest" | "headers";

/** Expected properties of an object; undefined ones are unknown. */
interface Expected {
  readonly types: readonly string[];
  readonly size: number | undefined;
  readonly hash: Uint8Array | undefined;
}

/** Size of the cache of verified objects, by key and version. */
const REMEMBERED = 20_000;

const ORIGINAL_TYPES = Object.values(MEDIA_TYPES);
const TYPES = new Map(Object.entries(OUTPUT_TYPES));

/** Verifies stored pictures. */
export class StoredPictures {
  readonly #deps: StoredPicturesDeps;
  readonly #right = new LRUCache<string, string>({ max: REMEMBERED });
  readonly #flights = new SingleFlight();

  constructor(deps: StoredPicturesDeps) {
    this.#deps = deps;
  }

  /**
   * Returns the object of a picture if it exists and is intact. Each version is
   * read once per process to verify it.
   */
  async find(name: ObjectName): Promise<ObjectInfo | undefined> {
    const key = keyOf(name);
    const info = await this.#deps.store.head(key);
    if (info === undefined) {
      await this.#deps.onGone(name);
      return undefined;
    }
    if (this.#right.get(key) === info.etag) return info;
    const state = await this.#flights.run(
      key,
      undefined,
      () => this.check(name, () => Promise.resolve()),
    );
    return state === "right" ? info : undefined;
  }

  /**
   * Whether the object of a variant exists, without reading it. One of another
   * size than recorded is verified, and removed.
   */
  async look(name: ObjectName): Promise<boolean> {
    const info = await this.#deps.store.head(keyOf(name));
    if (info === undefined) {
      await this.#deps.onGone(name);
      return false;
    }
    const { size } = await this.#expected(name);
    if (size === undefined || size === info.size) return true;
    return await this.check(name, () => Promise.resolve()) === "right";
  }

  /** Reads the object of a picture and removes it when it is damaged. */
  async check(name: ObjectName, pace: Pace): Promise<PictureState> {
    const { store } = this.#deps;
    const key = keyOf(name);
    const expected = await this.#expected(name);
    const found = await readObject(store, key, "sha256", pace);
    if (found === undefined) {
      await this.#deps.onGone(name);
      return "missing";
    }
    const { size, types, hash } = expected;
    if (size !== undefined && found.size !== size) {
      return await this.#remove(name, "size");
    }
    if (hash !== undefined && !equal(hash, found.hash)) {
      return await this.#remove(name, "digest");
    }
    if (!types.includes(found.contentType ?? "")) {
      return await this.#remove(name, "headers");
    }
    this.#right.set(key, found.etag);
    return "right";
  }

  /** Whether `bytes` match the CID `cid`; if not, removes the stored object. */
  async isOriginal(name: ObjectName, bytes: Uint8Array): Promise<boolean> {
    const hash = createHash("sha256").update(bytes).digest();
    if (equal(hashOf(name.cid), hash)) return true;
    await this.#remove(name, "digest");
    return false;
  }

  async #expected({ did, cid, variant }: ObjectName): Promise<Expected> {
    if (variant === undefined) {
      return { types: ORIGINAL_TYPES, size: undefined, hash: hashOf(cid) };
    }
    const type = TYPES.get(variant.slice(variant.lastIndexOf(".") + 1)) ?? "";
    const key = variantKey(did, cid, variant);
    // Without a row it belongs to another installation that uses the bucket.
    const row = (await this.#deps.kv.get<VariantRow>(key))?.value;
    const isOurs = row !== undefined && isInStore(row, this.#deps.storeId);
    const { size, sha256 } = isOurs ? row : {};
    return {
      types: [type],
      size,
      hash: sha256 === undefined ? undefined : Uint8Array.fromHex(sha256),
    };
  }

  async #remove<S extends PictureState>(
    name: ObjectName,
    state: S,
  ): Promise<S> {
    const { store, log, observer, onGone } = this.#deps;
    log.error("stored picture is damaged and removed", { ...name, state });
    observer.pictureDamaged(state);
    await store.delete(keyOf(name));
    await onGone(name);
    return state;
  }
}

function keyOf({ did, cid, variant }: ObjectName): string {
  return variant === undefined
    ? originalKey(did, cid)
    : variantObjectKey(did, cid, variant);
}

/** The SHA-256 in the CID of a blob. */
function hashOf(cid: string): Uint8Array {
  return CID.parse(cid).multihash.digest;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
