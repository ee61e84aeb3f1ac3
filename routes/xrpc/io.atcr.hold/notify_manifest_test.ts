import assert from "node:assert/strict";
import { ALICE, noise } from "../../../lib/hold/testing.ts";
import { imageOf } from "../../../lib/hold/testing_services.ts";
import { openServer } from "../testing_hold.ts";

const { digest: manifestDigest } = imageOf(ALICE, [], { name: "small" });
const event = { repository: "app", userDid: ALICE, manifestDigest };

Deno.test("a push event may say as little about the manifest as the published document allows", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const layer = await server.push(ALICE, noise(100));
  const manifests = [
    {},
    { config: {}, layers: [{}], manifests: [{}, { platform: {} }] },
    { layers: [{ digest: layer }, { size: 7 }] },
  ];
  const created: number[] = [];
  for (const manifest of manifests) {
    const { status, body } = await server.call(ALICE, "notifyManifest", {
      ...event,
      // Each tag is a push of its own.
      tag: `v${created.length}`,
      manifest,
    });
    assert.equal(status, 200, JSON.stringify(body));
    created.push(body.layersCreated);
  }
  assert.deepEqual(created, [0, 0, 1]);
});

Deno.test("null is what is absent in a push event, as Go writes it", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const layer = await server.push(ALICE, noise(100));
  const manifests = [
    null,
    { mediaType: null, config: null, layers: null, manifests: null },
    {
      mediaType: "",
      config: { digest: "", size: 0 },
      layers: [null, { digest: layer, size: null, mediaType: null }],
      manifests: [{ digest: null, platform: null }],
    },
  ];
  const created: number[] = [];
  for (const manifest of manifests) {
    const { status, body } = await server.call(ALICE, "notifyManifest", {
      ...event,
      tag: created.length === 0 ? null : `v${created.length}`,
      operation: null,
      manifest,
    });
    assert.equal(status, 200, JSON.stringify(body));
    created.push(body.layersCreated);
  }
  assert.deepEqual(created, [0, 0, 1]);
});

Deno.test("deeply nested input does no harm", async () => {
  await using server = await openServer({ allowAllCrew: true });
  const depth = 2_000;
  const layers = JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`);
  const { status } = await server.call(ALICE, "notifyManifest", {
    ...event,
    manifest: { layers },
  });
  assert.ok(status === 200 || status === 400, String(status));
  assert.deepEqual(await server.all("layer"), []);
});
