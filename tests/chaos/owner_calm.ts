/**
 * What an owner does in a calm: asks again for what got no clear response, and
 * compares the registry with what it knows.
 *
 * @module
 */

import { digestOf } from "../support/oci.ts";
import { type Answer, type Repository, textOf } from "../support/registry.ts";
import type { Image } from "./memory.ts";
import { allTags, type Owner } from "./owner.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Instance } from "./world.ts";

/** Makes every state certain, as a user would. Each request must work now. */
export async function settle(
  owner: Owner,
  instance: Instance,
  random: Random,
  tally: Tally,
): Promise<void> {
  const { memory } = owner;
  const repository = owner.repository(instance);
  const check = (what: string, answer: Answer, ...right: number[]) =>
    tally.check(
      "a repeated request works",
      right.includes(answer.status),
      () => `${what}: ${answer.status} ${textOf(answer)}`,
    );
  const image = [...memory.images.values()].find(({ manifest }) =>
    !memory.deleted.has(manifest.digest)
  );
  for (const tag of [...memory.uncertain]) {
    if (image && random.below(2) === 0) {
      const { manifest } = image;
      check(`PUT ${tag}`, await repository.putManifest(manifest, tag), 201);
      memory.settle(tag, manifest.digest);
    } else {
      const answer = await repository.send("DELETE", `manifests/${tag}`);
      check(`DELETE ${tag}`, answer, 202, 404);
      memory.settle(tag, undefined);
    }
  }
  for (const [digest, state] of memory.deleted) {
    if (state === "gone") continue;
    const answer = await repository.send("DELETE", `manifests/${digest}`);
    check(`DELETE ${digest}`, answer, 202, 404);
    memory.beginDelete(digest).done();
  }
}

/** Everything must be as the owner knows it, at `instance`. `sample`: images that are read whole, the last ones. */
export async function verify(
  owner: Owner,
  instance: Instance,
  sample: number,
  tally: Tally,
): Promise<void> {
  const { memory, did } = owner;
  const repository = owner.repository(instance);
  const listed = new Set(await allTags(repository));
  for (const [tag, state] of memory.certain()) {
    const get = await repository.send("GET", `manifests/${tag}`);
    const digest = get.status === 200 ? digestOf(get.bytes) : undefined;
    const isKnown = get.status === 200 || get.status === 404;
    tally.check(
      "tag in a calm",
      isKnown && state === digest,
      () =>
        `${did} ${tag} at ${instance.name}: ${get.status} ${digest}, known ${state}`,
    );
    tally.check(
      "tag list in a calm",
      listed.has(tag) === (state !== undefined),
      () =>
        `${did} ${tag} at ${instance.name}: listed ${
          listed.has(tag)
        }, known ${state}`,
    );
  }
  for (const image of [...memory.images.values()].slice(-sample)) {
    if (memory.deleted.has(image.manifest.digest)) {
      await verifyDeleted(repository, image, tally);
    } else {
      await verifyImage(repository, image, tally);
    }
  }
}

async function verifyDeleted(
  repository: Repository,
  { manifest: { digest } }: Image,
  tally: Tally,
): Promise<void> {
  const { status } = await repository.send("GET", `manifests/${digest}`);
  tally.check(
    "deleted manifest",
    status === 404,
    () => `${repository.name} ${digest} is back: ${status}`,
  );
}

async function verifyImage(
  repository: Repository,
  { manifest: { digest }, blobs }: Image,
  tally: Tally,
): Promise<void> {
  const get = await repository.send("GET", `manifests/${digest}`);
  tally.check(
    "manifest in a calm",
    get.status === 200 && digestOf(get.bytes) === digest,
    () => `${repository.name} ${digest}: ${get.status} ${textOf(get)}`,
  );
  for (const blob of blobs) {
    const answer = await repository.send("GET", `blobs/${blob}`);
    tally.check(
      "blob in a calm",
      answer.status === 200 && digestOf(answer.bytes) === blob,
      () =>
        `${repository.name} ${blob} of ${digest}: ${answer.status} ${
          textOf(answer).slice(0, 300)
        }`,
    );
  }
}
