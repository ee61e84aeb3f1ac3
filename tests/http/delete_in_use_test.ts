/** Deletes of content that a pullable image needs (distribution-spec, end-9, 10). */

import assert from "node:assert/strict";
import {
  descriptor,
  imageIndex,
  imageManifest,
  manifest,
  randomBlob,
  TYPES,
} from "../support/oci.ts";
import {
  type Answer,
  expect,
  expectError,
  repositoriesOf,
  Repository,
  textOf,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { startServer } from "../support/server.ts";

const server = sharedServer();
const alices = repositoriesOf(server, "alice");

/** Fails unless `answer` refuses a delete with a sentence that matches `reason`. */
function expectInUse(answer: Answer, reason: RegExp): void {
  expectError(answer, 405, "UNSUPPORTED");
  assert.match(textOf(answer), reason);
}

Deno.test("a blob that a manifest of the repository names is not deleted before the manifest", async () => {
  const repository = alices("in-use/blob");
  const [one, two, cached, odd] = [
    await repository.pushImage("one"),
    await repository.pushImage("two"),
    randomBlob(100),
    randomBlob(100),
  ];
  for (const blob of [cached, odd]) await repository.pushBlob(blob);
  // As BuildKit exports a cache, and an unknown field.
  const cache = manifest({
    schemaVersion: 2,
    mediaType: TYPES.index,
    manifests: [descriptor(cached, TYPES.layer)],
    more: { blobs: [descriptor(odd, TYPES.layer)] },
  });
  expect(await repository.putManifest(cache, "cache"), 201);
  const parts = JSON.parse(new TextDecoder().decode(one.bytes));
  const remove = (digest: string) =>
    repository.send("DELETE", `blobs/${digest}`);
  const needed = [
    parts.config.digest,
    parts.layers[0].digest,
    cached.digest,
    odd.digest,
  ];
  for (const digest of needed) {
    expectInUse(await remove(digest), /names the blob sha256:.*delete the/);
    expect(await repository.send("GET", `blobs/${digest}`), 200);
  }
  // A manifest without a tag can be pulled as well.
  expect(await repository.send("DELETE", "manifests/one"), 202);
  expectInUse(await remove(needed[1]), /names the blob/);
  for (const { digest } of [one, cache]) {
    expect(await repository.send("DELETE", `manifests/${digest}`), 202);
  }
  for (const digest of needed.slice(1)) expect(await remove(digest), 202);
  expect(await repository.send("GET", `manifests/${two.digest}`), 200);
});

Deno.test("a manifest that a tagged index needs, also by way of another index, is not deleted before", async () => {
  const repository = alices("in-use/child");
  const image = await repository.pushImage("image");
  const inner = imageIndex([descriptor(image, TYPES.manifest)]);
  const outer = imageIndex([descriptor(inner, TYPES.index)]);
  expect(await repository.putManifest(inner, inner.digest), 201);
  expect(await repository.putManifest(outer, "all"), 201);
  const remove = (reference: string) =>
    repository.send("DELETE", `manifests/${reference}`);
  for (const { digest } of [image, inner]) {
    expectInUse(await remove(digest), /index sha256:.* with the tag all needs/);
    expect(await repository.send("GET", `manifests/${digest}`), 200);
  }
  // A tag of the child does not count, and without its tag the index does not either.
  expect(await remove("image"), 202);
  expect(await remove("all"), 202);
  expect(await remove(image.digest), 202);
  expect(await remove(inner.digest), 202);
});

Deno.test("a delete during a push leaves no image that lacks what it names", async () => {
  const repository = alices("in-use/race");
  for (let delayMs = 0; delayMs < 50; delayMs += 5) {
    const [layer, config] = [randomBlob(100), randomBlob(100)];
    await Promise.all([layer, config].map((b) => repository.pushBlob(b)));
    const image = imageManifest(config, [layer]);
    const tag = `t${delayMs}`;
    const pushing = repository.putManifest(image, tag);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const blob = `blobs/${layer.digest}`;
    const deleted = await repository.send("DELETE", blob);
    assert.ok([202, 405].includes(deleted.status), textOf(deleted));
    expect(await pushing, 201);
    // A push after the delete takes the blob from the public hold again.
    expect(await repository.send("GET", blob), 200);
    const index = imageIndex([descriptor(image, TYPES.manifest)]);
    const indexing = repository.putManifest(index, `all-${tag}`);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    const path = `manifests/${image.digest}`;
    const removed = await repository.send("DELETE", path);
    expect(await indexing, 201);
    // An index may name what is not there.
    if (removed.status === 202) continue;
    expectInUse(removed, /needs the manifest/);
    expect(await repository.send("GET", path), 200);
  }
});

Deno.test("content in use is deleted if the operator allows it", async () => {
  await using lax = await startServer({
    env: { ATCR_REGISTRY_DELETE_IN_USE: "true" },
  });
  const repository = new Repository(lax, lax.alice, "alice.test/lax");
  const image = await repository.pushImage("image");
  const index = imageIndex([descriptor(image, TYPES.manifest)]);
  expect(await repository.putManifest(index, "all"), 201);
  const { layers } = JSON.parse(new TextDecoder().decode(image.bytes));
  const path = `blobs/${layers[0].digest}`;
  expect(await repository.send("DELETE", path), 202);
  expect(await repository.send("DELETE", `manifests/${image.digest}`), 202);
});
