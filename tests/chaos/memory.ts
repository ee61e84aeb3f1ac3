/**
 * An owner's knowledge of its repository. Acknowledged changes have one
 * possible state. When a response was lost, the states before and after are
 * both possible, and the owner does not change that tag until the next calm.
 *
 * @module
 */

import type { Blob, Manifest } from "../support/oci.ts";
import type { Random } from "./random.ts";

/** An image that was pushed. */
export interface Image {
  readonly manifest: Manifest;
  readonly blobs: readonly string[];
}

/** What a tag may point at: digests, and undefined where it may be missing. */
export type States = ReadonlySet<string | undefined>;

const MISSING: States = new Set([undefined]);
const TAGS = 40;
/** Layers that later images use again. */
const OLD_LAYERS = 30;

/** Tags, images and deletes of one owner. */
export class Memory {
  readonly #random: Random;
  readonly #images = new Map<string, Image>();
  readonly #tags = new Map<string, States>();
  /** Digests whose delete was asked for; without a response they may be there or not. */
  readonly #deleted = new Map<string, "gone" | "unknown">();
  readonly #uncertain = new Set<string>();
  readonly #layers: Blob[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Images that were acknowledged, by digest, with those that were deleted since. */
  get images(): ReadonlyMap<string, Image> {
    return this.#images;
  }

  get tags(): ReadonlyMap<string, States> {
    return this.#tags;
  }

  get deleted(): ReadonlyMap<string, "gone" | "unknown"> {
    return this.#deleted;
  }

  /** Tags whose last change got no clear response. */
  get uncertain(): ReadonlySet<string> {
    return this.#uncertain;
  }

  /** Layers of earlier images. */
  get layers(): readonly Blob[] {
    return this.#layers;
  }

  /** The states of the tags of which the owner is certain; undefined: missing. */
  *certain(): Iterable<[tag: string, state: string | undefined]> {
    for (const [tag, states] of this.#tags) {
      const [state] = states;
      if (!this.#uncertain.has(tag) && states.size === 1) yield [tag, state];
    }
  }

  /** Until it is settled or undone, `tags` may be as before, or be `state`. */
  begin(tags: readonly string[], state: string | undefined): Change {
    const before = new Map(
      tags.map((tag) => [tag, this.#tags.get(tag) ?? MISSING]),
    );
    for (const [tag, states] of before) {
      this.#tags.set(tag, new Set([...states, state]));
      this.#uncertain.add(tag);
    }
    return {
      done: () => {
        for (const tag of tags) this.settle(tag, state);
      },
      undone: () => {
        for (const [tag, states] of before) {
          this.#tags.set(tag, states);
          this.#uncertain.delete(tag);
        }
      },
    };
  }

  /** Now the tag certainly is `state`. */
  settle(tag: string, state: string | undefined): void {
    this.#tags.set(tag, new Set([state]));
    this.#uncertain.delete(tag);
  }

  /** An image was acknowledged. */
  addImage(image: Image, layers: readonly Blob[]): void {
    this.#images.set(image.manifest.digest, image);
    for (const layer of layers.slice(0, 1)) {
      if (this.#layers.length >= OLD_LAYERS) continue;
      if (layer.bytes.length < 50_000) this.#layers.push(layer);
    }
  }

  /** As {@linkcode begin}, for a manifest with all of its tags. */
  beginDelete(digest: string): Change {
    const change = this.begin(this.tagsOf(digest), undefined);
    this.#deleted.set(digest, "unknown");
    return {
      done: () => {
        change.done();
        this.#deleted.set(digest, "gone");
      },
      undone: () => {
        change.undone();
        this.#deleted.delete(digest);
      },
    };
  }

  /** Tags that may point at a manifest. */
  tagsOf(digest: string): string[] {
    return [...this.#tags].filter(([, states]) => states.has(digest))
      .map(([tag]) => tag);
  }

  /** A tag of which the owner is certain; a new one where there is none. */
  freeTag(): string {
    for (let i = 0; i < 20; i++) {
      const tag = `t${this.#random.below(TAGS)}`;
      if (!this.#uncertain.has(tag)) return tag;
    }
    return `n${this.#tags.size}`;
  }

  /** A tag that is certainly there. */
  someTag(): string | undefined {
    const tags = [...this.certain()].filter(([, state]) => state !== undefined);
    return tags.length === 0 ? undefined : this.#random.pick(tags)[0];
  }

  /** Any image that was acknowledged. */
  someImage(): Image | undefined {
    const images = [...this.#images.values()];
    return images.length === 0 ? undefined : this.#random.pick(images);
  }
}

/** A change that was asked for. */
export interface Change {
  /** It was acknowledged. */
  done(): void;
  /** It was refused, so that nothing has changed. */
  undone(): void;
}
