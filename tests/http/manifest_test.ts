/** Pushing manifests (distribution-spec, "Pushing Manifests"; end-7) of every kind. */

import assert from "node:assert/strict";
import {
  artifact,
  descriptor,
  digestOf,
  imageIndex,
  imageManifest,
  type Manifest,
  manifest,
  randomBlob,
  TYPES,
} from "../support/oci.ts";
import {
  expect,
  expectError,
  header,
  repositoriesOf,
  Repository,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer();
const alices = repositoriesOf(server, "alice");

async function assertServed(
  repository: Repository,
  reference: string,
  { bytes, mediaType, digest }: Manifest,
): Promise<void> {
  const get = await repository.send("GET", `manifests/${reference}`);
  assert.deepEqual(expect(get, 200).bytes, bytes);
  assert.equal(header(get, "content-type"), mediaType);
  assert.equal(header(get, "docker-content-digest"), digest);
}

Deno.test("a pushed image is served by tag and by digest on the next request", async () => {
  const repository = alices("image");
  const image = await repository.pushImage("v1");
  await assertServed(repository, "v1", image);
  await assertServed(repository, image.digest, image);
  const again = await repository.putManifest(image, "v2");
  assert.equal(
    header(expect(again, 201), "location"),
    `/v2/alice.test/image/manifests/${image.digest}`,
  );
  assert.equal(header(again, "docker-content-digest"), image.digest);
  assert.deepEqual(await repository.tags(), ["v1", "v2"]);
});

Deno.test("a tag moves to the last push", async () => {
  const repository = alices("moves");
  const first = await repository.pushImage("latest");
  const second = await repository.pushImage("latest");
  await assertServed(repository, "latest", second);
  await assertServed(repository, first.digest, first);
  expect(await repository.putManifest(first, "latest"), 201);
  await assertServed(repository, "latest", first);
});

Deno.test("one push sets many tags and lists them", async () => {
  const repository = alices("many");
  const image = await repository.pushImage();
  const tags = Array.from({ length: 12 }, (_, i) => `t${i + 10}`);
  const query = `?${tags.map((tag) => `tag=${tag}`).join("&")}`;
  const put = await repository.putManifest(image, image.digest, query);
  expect(put, 201);
  assert.deepEqual(header(put, "oci-tag").split(", "), tags);
  assert.deepEqual(await repository.tags(), tags);
  for (const tag of tags) await assertServed(repository, tag, image);
  const mixed = await repository.putManifest(image, "main", "?tag=side");
  assert.equal(header(expect(mixed, 201), "oci-tag"), "side");
  await assertServed(repository, "main", image);
  await assertServed(repository, "side", image);
});

Deno.test("docker's own media types are kept", async () => {
  const repository = alices("docker");
  const [config, layer] = [randomBlob(300), randomBlob(1_000)];
  await Promise.all([repository.pushBlob(config), repository.pushBlob(layer)]);
  const image = manifest({
    schemaVersion: 2,
    mediaType: TYPES.dockerManifest,
    config: descriptor(config, TYPES.dockerConfig),
    layers: [descriptor(layer, TYPES.dockerLayer)],
  });
  expect(await repository.putManifest(image, "amd64"), 201);
  const list = manifest({
    schemaVersion: 2,
    mediaType: TYPES.dockerList,
    manifests: [{
      ...image.descriptor,
      platform: { os: "linux", architecture: "amd64" },
    }],
  });
  expect(await repository.putManifest(list, "latest"), 201);
  await assertServed(repository, "amd64", image);
  await assertServed(repository, "latest", list);
});

Deno.test("indexes may be empty, nested and sparse", async () => {
  const repository = alices("indexes");
  const image = await repository.pushImage();
  const platform = { os: "linux", architecture: "arm64" };
  const empty = imageIndex([]);
  const flat = imageIndex([{ ...image.descriptor, platform }]);
  const nested = imageIndex([flat.descriptor, empty.descriptor]);
  const absent = imageManifest(randomBlob(10), [randomBlob(10)]);
  const sparse = imageIndex([absent.descriptor, image.descriptor]);
  for (const [tag, index] of Object.entries({ empty, flat, nested, sparse })) {
    expect(await repository.putManifest(index, tag), 201);
    await assertServed(repository, tag, index);
  }
  const { status } = await repository.send(
    "GET",
    `manifests/${absent.digest}`,
  );
  assert.equal(status, 404);
});

Deno.test("artifacts need neither layers nor a known type", async () => {
  const repository = alices("artifacts");
  await repository.pushEmptyJson();
  const chart = artifact("application/vnd.example.chart", undefined);
  expect(await repository.putManifest(chart, "chart"), 201);
  const bare = artifact("application/vnd.example.note", undefined, {
    layers: [],
  });
  expect(await repository.putManifest(bare, "bare"), 201);
  const absent = artifact("application/vnd.example.note", undefined, {});
  const { layers: _, ...document } = JSON.parse(
    new TextDecoder().decode(absent.bytes),
  );
  const none = manifest(document);
  expect(await repository.putManifest(none, "none"), 201);
  await assertServed(repository, "none", none);
});

Deno.test("unknown fields, inline data and foreign layers are accepted", async () => {
  const repository = alices("special");
  const config = randomBlob(50);
  await repository.pushBlob(config);
  const image = manifest({
    schemaVersion: 2,
    mediaType: TYPES.manifest,
    "org.example.field": { deep: [1, 2] },
    config: {
      ...descriptor(config, TYPES.config),
      data: btoa(String.fromCharCode(...config.bytes)),
    },
    layers: [{
      ...descriptor(randomBlob(99), TYPES.foreignLayer),
      urls: ["https://example.com/layer"],
    }],
  });
  expect(await repository.putManifest(image, "special"), 201);
  await assertServed(repository, "special", image);
});

Deno.test("a manifest under its sha512 is found by it", async () => {
  const repository = alices("sha512");
  const image = await repository.pushImage();
  const digest = digestOf(image.bytes, "sha512");
  const put = await repository.putManifest(image, digest, "?tag=long");
  assert.equal(header(expect(put, 201), "docker-content-digest"), digest);
  await assertServed(repository, digest, { ...image, digest });
  await assertServed(repository, "long", { ...image, digest });
  await assertServed(repository, image.digest, image);
});

Deno.test("a manifest of 4 MiB is accepted, a larger one is refused", async () => {
  const repository = alices("large");
  const config = randomBlob(50);
  await repository.pushBlob(config);
  const limit = 4 * 1024 * 1024;
  const sized = (size: number) => {
    const build = (fill: string) =>
      imageManifest(config, [], { annotations: { fill } });
    return build("x".repeat(size - build("").bytes.length));
  };
  const largest = sized(limit);
  assert.equal(largest.bytes.length, limit);
  expect(await repository.putManifest(largest, "largest"), 201);
  await assertServed(repository, "largest", largest);

  const tooLarge = sized(limit + 1);
  const refused = await repository.putManifest(tooLarge, "too-large");
  assert.match(
    expectError(refused, 413, "SIZE_INVALID").message,
    /manifest.*4194304 bytes/,
  );
  // Without a length the limit is enforced while reading.
  const streamed = await repository.send("PUT", "manifests/too-large", {
    headers: { "content-type": TYPES.manifest },
    body: new Blob([tooLarge.bytes]).stream(),
  });
  expectError(streamed, 413, "SIZE_INVALID");
  assert.deepEqual(await repository.tags(), ["largest"]);
});

Deno.test("the type may be in the header or in the document", async () => {
  const repository = alices("types");
  const config = randomBlob(50);
  await repository.pushBlob(config);
  const image = imageManifest(config, []);
  const { mediaType: _, ...rest } = JSON.parse(
    new TextDecoder().decode(image.bytes),
  );
  const untyped = manifest(rest);
  expect(await repository.putManifest(untyped, "header"), 201);
  await assertServed(repository, "header", untyped);
  const put = await repository.send("PUT", "manifests/document", {
    body: image.bytes,
    headers: { "content-type": `${TYPES.manifest}; charset=utf-8` },
  });
  expect(put, 201);
  await assertServed(repository, "document", image);
});
