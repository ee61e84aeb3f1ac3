/**
 * An owner that pushes, moves, deletes and pulls, one after another, and
 * records what must exist.
 *
 * @module
 */

import {
  type Blob,
  digestOf,
  imageManifest,
  randomBlob,
} from "../support/oci.ts";
import {
  type Answer,
  jsonOf,
  type Repository,
  textOf,
} from "../support/registry.ts";
import type { TestAccount } from "../support/server.ts";
import { Memory } from "./memory.ts";
import { NotedRepository } from "./noted_repository.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Instance } from "./world.ts";

/** Of most layers; large ones are rare, since a disk in memory fills up in an hour. */
const SIZES = [0, 100, 5_000, 40_000, 40_000, 200_000] as const;
const LARGE_SIZE = 1_500_000;
/** Responses that say "not now", which any fault may cause. */
const isTransient = (status: number) =>
  status === 401 || status === 429 || status > 500;

/** One owner with a repository of its own. */
export class Owner {
  readonly memory: Memory;
  readonly #account: TestAccount;
  readonly #instances: readonly Instance[];
  readonly #random: Random;
  readonly #tally: Tally;

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
    this.memory = new Memory(random.fork());
  }

  get did(): string {
    return this.#account.did;
  }

  /** Does one thing at some instance. Never throws. */
  async act(): Promise<void> {
    const repository = this.repository(this.#random.pick(this.#instances));
    const [name, action] = this.#pickAction();
    try {
      await action(repository);
      this.#tally.count(`done: ${name}`);
    } catch (error) {
      const words = error instanceof Refusal
        ? `${error.what} ${error.status}`
        : isDown(error)
        ? "the instance is down"
        : "no response";
      this.#tally.count(`not done: ${name}: ${words}`);
      // As clients do; what does not answer must not take the time of the rest.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The owner's repository as an instance serves it. */
  repository(instance: Instance): Repository {
    return new NotedRepository(instance, this.#account, this.#tally);
  }

  #pickAction(): [string, (repository: Repository) => Promise<void>] {
    const kind = this.#random.below(20);
    if (kind < 9) return ["push", (at) => this.#push(at)];
    if (kind < 16) return ["pull", (at) => this.#pull(at)];
    if (kind < 18) return ["list", (at) => this.#list(at)];
    if (kind < 19) return ["delete a tag", (at) => this.#deleteTag(at)];
    return ["delete a manifest", (at) => this.#deleteManifest(at)];
  }

  async #push(repository: Repository): Promise<void> {
    const layers: Blob[] = [];
    for (let i = 0; i <= this.#random.below(3); i++) {
      const old = this.memory.layers;
      const isOld = old.length > 0 && this.#random.below(3) === 0;
      layers.push(
        isOld ? this.#random.pick(old) : randomBlob(this.#newSize()),
      );
    }
    const config = randomBlob(300);
    const distinct = new Map([config, ...layers].map((b) => [b.digest, b]));
    await Promise.all(
      [...distinct.values()].map((blob) => this.#pushBlob(repository, blob)),
    );
    const manifest = imageManifest(config, layers);
    const tag = this.memory.freeTag();
    const change = this.memory.begin([tag], manifest.digest);
    const put = await repository.putManifest(manifest, tag);
    this.#expect("manifest PUT", put, 201, change.undone);
    change.done();
    this.memory.addImage({ manifest, blobs: [...distinct.keys()] }, layers);
  }

  #newSize(): number {
    return this.#random.below(20) === 0 ? LARGE_SIZE : this.#random.pick(SIZES);
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
      const other = this.repository(this.#random.pick(this.#instances));
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
    const image = this.memory.someImage();
    if (!image) return;
    const { digest } = image.manifest;
    const get = await repository.send("GET", `manifests/${digest}`);
    const state = this.memory.deleted.get(digest);
    if (state === "gone") {
      this.#check(
        "deleted manifest",
        get.status === 404 || isTransient(get.status),
        () => `${this.did} ${digest} is back: ${get.status}`,
      );
    }
    if (state) return;
    this.#expect("manifest GET", get, 200);
    this.#check(
      "pulled manifest",
      digestOf(get.bytes) === digest,
      () => digest,
    );
    const blob = this.#random.pick(image.blobs);
    const answer = await repository.send("GET", `blobs/${blob}`);
    this.#expect("blob GET", answer, 200);
    this.#check("pulled blob", digestOf(answer.bytes) === blob, () => blob);
  }

  async #list(repository: Repository): Promise<void> {
    const listed = new Set(await allTags(repository));
    for (const [tag, state] of this.memory.certain()) {
      this.#check(
        "tag list",
        listed.has(tag) === (state !== undefined),
        () => `${this.did} ${tag}: listed ${listed.has(tag)}, known ${state}`,
      );
    }
  }

  async #deleteTag(repository: Repository): Promise<void> {
    const tag = this.memory.someTag();
    if (tag === undefined) return;
    const change = this.memory.begin([tag], undefined);
    const answer = await repository.send("DELETE", `manifests/${tag}`);
    this.#expect("tag DELETE", answer, 202, change.undone);
    change.done();
  }

  async #deleteManifest(repository: Repository): Promise<void> {
    const digest = this.memory.someImage()?.manifest.digest;
    if (digest === undefined || this.memory.deleted.has(digest)) return;
    const tags = this.memory.tagsOf(digest);
    if (tags.some((tag) => this.memory.uncertain.has(tag))) return;
    const change = this.memory.beginDelete(digest);
    const answer = await repository.send("DELETE", `manifests/${digest}`);
    this.#expect("manifest DELETE", answer, 202, change.undone);
    change.done();
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
    // Everything that is asked for is right: only faults are a reason to refuse.
    this.#check(
      "what was acknowledged is there",
      isTransient(answer.status),
      () => `${this.did} ${what}: ${answer.status} ${textOf(answer)}`,
    );
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

/** Whether nobody listens there. */
function isDown(error: unknown): boolean {
  return error instanceof Error &&
    /Connection refused/.test(`${error.message} ${error.cause}`);
}

/** All tags of a repository, which may have none. */
export async function allTags(repository: Repository): Promise<string[]> {
  const answer = await repository.send("GET", "tags/list?n=1000");
  if (answer.status === 404) return [];
  if (answer.status !== 200) throw new Refusal("tag list", answer.status);
  const { tags } = jsonOf(answer) as { tags: string[] };
  return tags;
}
