/**
 * An owner who pushes, moves, deletes and pulls, and knows what must be there.
 *
 * What the registry acknowledged has one possible state. Where a response was
 * lost, both the state before and the state after are possible, and the owner
 * leaves that tag alone until the next calm.
 *
 * @module
 */

import {
  type Blob,
  digestOf,
  imageManifest,
  type Manifest,
  randomBlob,
} from "../support/oci.ts";
import { type Answer, Repository } from "../support/registry.ts";
import type { TestAccount } from "../support/server.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Instance } from "./world.ts";

/** An image that was pushed. */
interface Image {
  readonly manifest: Manifest;
  readonly blobs: readonly string[];
}

/** What a tag may point at: digests, and undefined where it may be missing. */
type States = ReadonlySet<string | undefined>;

const SIZES = [0, 100, 5_000, 40_000, 200_000, 1_500_000] as const;
const TAGS = 40;
/** Responses that say "not now", which any fault may cause. */
const isTransient = (status: number) =>
  status === 401 || status === 429 || status > 500;

/** One owner with a repository of its own. */
export class Owner {
  readonly #account: TestAccount;
  readonly #instances: readonly Instance[];
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #images = new Map<string, Image>();
  readonly #tags = new Map<string, States>();
  /** Digests whose deletion was asked for; undefined response: may be there or not. */
  readonly #deleted = new Map<string, "gone" | "unknown">();
  readonly #uncertain = new Set<string>();
  readonly #blobs: Blob[] = [];

  constructor(
    account: TestAccount,
    instances: readonly Instance[],
    random: Random,
    tally: Tally,
  ) {
    this.#account = account;
    this.#instances = instances;
    this.#random = random;
    this.#tally = tally;
  }

  /** Does one thing at some instance. Never throws. */
  async act(): Promise<void> {
    const instance = this.#random.pick(this.#instances);
    const repository = this.#repository(instance);
    const kind = this.#random.below(20);
    const name = kind < 9
      ? "push"
      : kind < 16
      ? "pull"
      : kind < 18
      ? "list"
      : kind < 19
      ? "delete a tag"
      : "delete a manifest";
    try {
      if (kind < 9) await this.#push(repository);
      else if (kind < 16) await this.#pull(repository);
      else if (kind < 18) await this.#list(repository);
      else if (kind < 19) await this.#deleteTag(repository);
      else await this.#deleteManifest(repository);
      this.#tally.count(`done: ${name}`);
    } catch (error) {
      const words = error instanceof Refusal
        ? `${error.what} ${error.status}`
        : "no response";
      this.#tally.count(`not done: ${name}: ${words}`);
    }
  }

  /**
   * In a calm: asks again for what got no clear response, as a user would, so
   * that every state is certain. Each request must work now.
   */
  async settle(instance: Instance): Promise<void> {
    const repository = this.#repository(instance);
    const image = [...this.#images].find(([digest]) =>
      !this.#deleted.has(digest)
    )?.[1];
    for (const tag of this.#uncertain) {
      const isWanted = image !== undefined && this.#random.below(2) === 0;
      const answer = isWanted
        ? await repository.putManifest(image.manifest, tag)
        : await repository.send("DELETE", `manifests/${tag}`);
      const isSettled = isWanted
        ? answer.status === 201
        : answer.status === 202 || answer.status === 404;
      this.#check(
        "a repeated request works",
        isSettled,
        () =>
          `${isWanted ? "PUT" : "DELETE"} ${tag}: ${answer.status} ${
            textOf(answer)
          }`,
      );
      const digest = isWanted ? image.manifest.digest : undefined;
      this.#tags.set(tag, new Set([digest]));
    }
    this.#uncertain.clear();
    for (const [digest, state] of this.#deleted) {
      if (state === "gone") continue;
      const answer = await repository.send("DELETE", `manifests/${digest}`);
      this.#check(
        "a repeated request works",
        answer.status === 202 || answer.status === 404,
        () => `DELETE ${digest}: ${answer.status} ${textOf(answer)}`,
      );
      this.#deleted.set(digest, "gone");
      for (const [tag, states] of this.#tags) {
        if (states.has(digest)) this.#tags.set(tag, new Set([undefined]));
      }
    }
  }

  /** In a calm: everything must be as the owner knows it, at `instance`. */
  async verify(instance: Instance, sample: number): Promise<void> {
    const repository = this.#repository(instance);
    const listed = new Set(await allTags(repository));
    for (const [tag, [state]] of this.#tags) {
      const get = await repository.send("GET", `manifests/${tag}`);
      const digest = get.status === 200 ? digestOf(get.bytes) : undefined;
      const isKnown = get.status === 200 || get.status === 404;
      this.#check(
        "tag in a calm",
        isKnown && state === digest,
        () =>
          `${this.did} ${tag} at ${instance.name}: ${get.status} ${digest}, known ${state}`,
      );
      this.#check(
        "tag list in a calm",
        listed.has(tag) === (state !== undefined),
        () =>
          `${this.did} ${tag} at ${instance.name}: listed ${
            listed.has(tag)
          }, known ${state}`,
      );
    }
    const images = [...this.#images].slice(-sample);
    for (const [digest, image] of images) {
      await this.#verifyImage(repository, digest, image);
    }
  }

  async #verifyImage(repository: Repository, digest: string, image: Image) {
    const state = this.#deleted.get(digest);
    const get = await repository.send("GET", `manifests/${digest}`);
    if (state === "gone") {
      this.#check(
        "deleted manifest",
        get.status === 404,
        () => `${digest} is back: ${get.status}`,
      );
      return;
    }
    this.#check(
      "manifest in a calm",
      get.status === 200 && digestOf(get.bytes) === digest,
      () => `${this.#account.did} ${digest}: ${get.status} ${textOf(get)}`,
    );
    for (const blob of image.blobs) {
      const answer = await repository.send("GET", `blobs/${blob}`);
      this.#check(
        "blob in a calm",
        answer.status === 200 && digestOf(answer.bytes) === blob,
        () =>
          `${this.#account.did} ${blob} of ${digest}: ${answer.status} ${
            textOf(answer)
          }`,
      );
    }
  }

  /** Digests that tags certainly point at, by tag. */
  get known(): ReadonlyMap<string, States> {
    return this.#tags;
  }

  get did(): string {
    return this.#account.did;
  }

  #repository(instance: Instance): Repository {
    const name = `${this.#account.did.replaceAll(":", "-")}/app`;
    const account = { ...this.#account, handle: this.#account.did };
    return new Repository(instance, account, name);
  }

  async #push(repository: Repository): Promise<void> {
    const layers: Blob[] = [];
    for (let i = 0; i <= this.#random.below(3); i++) {
      const isOld = this.#blobs.length > 0 && this.#random.below(3) === 0;
      layers.push(
        isOld
          ? this.#random.pick(this.#blobs)
          : randomBlob(this.#random.pick(SIZES)),
      );
    }
    const config = randomBlob(300);
    const distinct = new Map([config, ...layers].map((b) => [b.digest, b]));
    await Promise.all(
      [...distinct.values()].map((blob) => this.#pushBlob(repository, blob)),
    );
    const manifest = imageManifest(config, layers);
    const tag = this.#freeTag();
    const before = this.#tags.get(tag) ?? new Set([undefined]);
    this.#tags.set(tag, new Set([...before, manifest.digest]));
    this.#uncertain.add(tag);
    this.#expect(
      "manifest PUT",
      await repository.putManifest(manifest, tag),
      201,
      () => {
        // A refusal changes nothing, unless the server itself is not sure.
        this.#tags.set(tag, before);
        this.#uncertain.delete(tag);
      },
    );
    this.#tags.set(tag, new Set([manifest.digest]));
    this.#uncertain.delete(tag);
    this.#images.set(manifest.digest, {
      manifest,
      blobs: [...distinct.keys()],
    });
    for (const layer of layers.slice(0, 1)) {
      if (this.#blobs.length < 30 && layer.bytes.length < 50_000) {
        this.#blobs.push(layer);
      }
    }
  }

  async #pushBlob(repository: Repository, blob: Blob): Promise<void> {
    const head = await repository.send("HEAD", `blobs/${blob.digest}`);
    if (head.status === 200) return;
    if (head.status !== 404) throw new Refusal("blob HEAD", head.status);
    const start = await repository.send("POST", "blobs/uploads/");
    const location = this.#expect("upload POST", start, 202).headers
      .get("location") ?? "";
    const pieces = this.#random.below(3);
    const half = blob.bytes.length >> 1;
    if (pieces === 0 || half === 0) {
      const put = await repository.finishUpload(location, blob.digest, {
        body: blob.bytes,
      });
      this.#expect("upload PUT", put, 201);
      return;
    }
    const parts = [blob.bytes.slice(0, half), blob.bytes.slice(half)];
    let next = location;
    for (const [i, part] of parts.entries()) {
      // Each part at another instance: any of them can go on.
      const other = this.#repository(this.#random.pick(this.#instances));
      const path = new URL(next, repository.server.origin);
      const patch = await other.send("PATCH", path.pathname + path.search, {
        headers: {
          "content-range": i === 0
            ? `0-${half - 1}`
            : `${half}-${blob.bytes.length - 1}`,
        },
        body: part,
      });
      next = this.#expect("upload PATCH", patch, 202).headers
        .get("location") ?? "";
    }
    const path = new URL(next, repository.server.origin);
    const put = await repository.finishUpload(
      path.pathname + path.search,
      blob.digest,
    );
    this.#expect("upload PUT", put, 201);
  }

  async #pull(repository: Repository): Promise<void> {
    const digest = this.#someDigest();
    const image = digest === undefined ? undefined : this.#images.get(digest);
    if (digest === undefined || !image) return;
    const get = await repository.send("GET", `manifests/${digest}`);
    if (this.#deleted.has(digest)) return;
    this.#expect("manifest GET", get, 200);
    this.#check(
      "pulled manifest",
      digestOf(get.bytes) === digest,
      () => digest,
    );
    const blob = this.#random.pick(image.blobs);
    const answer = await repository.send("GET", `blobs/${blob}`);
    if (this.#deleted.has(digest)) return;
    this.#expect("blob GET", answer, 200);
    this.#check("pulled blob", digestOf(answer.bytes) === blob, () => blob);
  }

  async #list(repository: Repository): Promise<void> {
    const listed = new Set(await allTags(repository));
    for (const [tag, states] of this.#tags) {
      if (this.#uncertain.has(tag) || states.size > 1) continue;
      const [state] = states;
      this.#check(
        "tag list",
        listed.has(tag) === (state !== undefined),
        () => `${this.did} ${tag}: listed ${listed.has(tag)}, known ${state}`,
      );
    }
  }

  async #deleteTag(repository: Repository): Promise<void> {
    const tag = this.#knownTag();
    if (tag === undefined) return;
    const before = this.#tags.get(tag) ?? new Set([undefined]);
    this.#tags.set(tag, new Set([...before, undefined]));
    this.#uncertain.add(tag);
    const answer = await repository.send("DELETE", `manifests/${tag}`);
    this.#expect("tag DELETE", answer, 202, () => {
      this.#tags.set(tag, before);
      this.#uncertain.delete(tag);
    });
    this.#tags.set(tag, new Set([undefined]));
    this.#uncertain.delete(tag);
  }

  async #deleteManifest(repository: Repository): Promise<void> {
    const digest = this.#someDigest();
    if (digest === undefined || this.#deleted.has(digest)) return;
    const tags = [...this.#tags].filter(([, states]) => states.has(digest))
      .map(([tag]) => tag);
    if (tags.some((tag) => this.#uncertain.has(tag))) return;
    const before = new Map(tags.map((tag) => [tag, this.#tags.get(tag)]));
    this.#deleted.set(digest, "unknown");
    for (const tag of tags) {
      this.#tags.set(tag, new Set([digest, undefined]));
      this.#uncertain.add(tag);
    }
    const settle = (isDone: boolean) => {
      for (const tag of tags) {
        const states = before.get(tag) ?? new Set([undefined]);
        this.#tags.set(tag, isDone ? new Set([undefined]) : states);
        this.#uncertain.delete(tag);
      }
      if (isDone) this.#deleted.set(digest, "gone");
      else this.#deleted.delete(digest);
    };
    const answer = await repository.send("DELETE", `manifests/${digest}`);
    this.#expect("manifest DELETE", answer, 202, () => settle(false));
    settle(true);
  }

  /** A tag of which the owner is certain; a new one where there is none. */
  #freeTag(): string {
    for (let i = 0; i < 20; i++) {
      const tag = `t${this.#random.below(TAGS)}`;
      if (!this.#uncertain.has(tag)) return tag;
    }
    return `n${this.#tags.size}`;
  }

  #knownTag(): string | undefined {
    const tags = [...this.#tags].filter(([tag, states]) =>
      !this.#uncertain.has(tag) && states.size === 1 && !states.has(undefined)
    );
    return tags.length === 0 ? undefined : this.#random.pick(tags)[0];
  }

  #someDigest(): string | undefined {
    const digests = [...this.#images.keys()];
    return digests.length === 0 ? undefined : this.#random.pick(digests);
  }

  /**
   * The response when it has the status; otherwise throws. Calls `undo` where
   * the response says for certain that nothing was changed.
   */
  #expect(
    what: string,
    answer: Answer,
    status: number,
    undo?: () => void,
  ): Answer {
    this.#check(
      "no internal error",
      answer.status !== 500,
      () => `${what}: ${textOf(answer)}`,
    );
    if (answer.status === status) return answer;
    const isRead = what.endsWith("GET");
    if (isRead) {
      this.#check(
        "what was acknowledged is there",
        isTransient(answer.status),
        () => `${this.did} ${what}: ${answer.status} ${textOf(answer)}`,
      );
    }
    if (answer.status < 500) undo?.();
    throw new Refusal(what, answer.status);
  }

  #check(what: string, isRight: boolean, words: () => string): void {
    this.#tally.check(what, isRight, words);
  }
}

/** A response that was not the one wanted. */
class Refusal extends Error {
  readonly what: string;
  readonly status: number;

  constructor(what: string, status: number) {
    super(`${what}: ${status}`);
    this.what = what;
    this.status = status;
  }
}

async function allTags(repository: Repository): Promise<string[]> {
  const answer = await repository.send("GET", "tags/list?n=1000");
  if (answer.status === 404) return [];
  if (answer.status !== 200) throw new Refusal("tag list", answer.status);
  const { tags }: { tags: string[] } = JSON.parse(textOf(answer));
  return tags;
}

function textOf({ bytes }: Answer): string {
  return new TextDecoder().decode(bytes).slice(0, 300);
}
