import assert from "node:assert/strict";
import { HOLD } from "../hold/testing.ts";
import { digestOf } from "../oci/digest.ts";
import { OCI_INDEX } from "../oci/media_types.ts";
import {
  bytesOf,
  REF,
  startTestManifests,
} from "./manifests/testing_manifests.ts";

Deno.test("pushes are announced with the previous targets of their tags", async () => {
  using registry = await startTestManifests();
  const first = await registry.put("first", ["v1", "latest"]);
  const second = await registry.put("second", ["latest"]);
  const [one, two, ...others] = await registry.events();
  assert.deepEqual(others, []);
  const at = registry.clock.now();
  const common = { kind: "push", ref: REF, holdDid: HOLD, at };
  assert.deepEqual(one, {
    ...common,
    digest: first,
    mediaType: OCI_INDEX,
    size: bytesOf("first").length,
    tags: [{ tag: "v1", from: undefined }, { tag: "latest", from: undefined }],
  });
  assert.deepEqual(two, {
    ...common,
    digest: second,
    mediaType: OCI_INDEX,
    size: bytesOf("second").length,
    tags: [{ tag: "latest", from: first }],
  });
});

Deno.test("deletes of tags and of manifests are announced once each", async () => {
  using registry = await startTestManifests();
  const digest = await registry.put("image", ["v1", "v2"]);
  await registry.removeTag("v1");
  await registry.remove("image");
  await registry.work();
  const at = registry.clock.now();
  const deletes = (await registry.events()).slice(1);
  const common = { kind: "delete", ref: REF, holdDid: HOLD, digest };
  assert.deepEqual(deletes.map((event) => ({ ...event, at })), [
    { ...common, at, tag: "v1" },
    { ...common, at, tag: undefined },
  ]);
});

Deno.test("a tag whose image was deleted has no previous target", async () => {
  using registry = await startTestManifests();
  await registry.put("old", ["v1"]);
  await registry.remove("old");
  await registry.put("new", ["v1"]);
  const last = (await registry.events()).at(-1);
  assert.deepEqual(last?.kind === "push" && last.tags, [
    { tag: "v1", from: undefined },
  ]);
});

Deno.test("a refused delete is not announced", async () => {
  using registry = await startTestManifests();
  await registry.put("image", ["v1"]);
  registry.repo.before = () => Promise.reject(new Error("down"));
  await assert.rejects(registry.removeTag("v1"));
  assert.equal((await registry.events()).length, 1);
  assert.equal(await registry.at("v1"), digestOf(bytesOf("image")));
});
