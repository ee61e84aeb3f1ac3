import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { parseManifest } from "./manifest.ts";
import { namedDigestsAside, readManifestAside } from "./manifest_reading.ts";
import { OCI_INDEX } from "./media_types.ts";
import { namedDigests } from "./named_digests.ts";

const ASIDE_BYTES = 128 * 1024;

/** An index with so many annotations, and one entry with as many. */
function indexBytes(annotations: number): Uint8Array<ArrayBuffer> {
  const notes = Object.fromEntries(
    Array.from({ length: annotations }, (_, i) => [`k${i}`, ""]),
  );
  return new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [{
      mediaType: OCI_INDEX,
      digest: `sha256:${"0".repeat(64)}`,
      size: 1,
      annotations: notes,
    }],
    annotations: notes,
  }));
}

/** The thread ends when it is idle. */
const ended = () => new Promise((resolve) => setTimeout(resolve, 1_500));

Deno.test("other work continues while a large manifest is parsed", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const manifest = await readManifestAside(indexBytes(120_000), OCI_INDEX);
  clearInterval(timer);
  assert.ok(turns >= 5, `${turns}`);
  assert.equal(manifest.manifests.length, 1);
  assert.equal(manifest.isTrimmed, true);
  assert.deepEqual(manifest.annotations, {});
  assert.equal(manifest.manifests[0]?.annotations, undefined);
  await ended();
});

Deno.test("other work continues while a large manifest is searched for digests", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  const found = await namedDigestsAside(indexBytes(120_000));
  clearInterval(timer);
  assert.ok(turns >= 5, `${turns}`);
  assert.deepEqual([...found], [`sha256:${"0".repeat(64)}`]);
  assert.deepEqual(
    await namedDigestsAside(indexBytes(1)),
    namedDigests(indexBytes(1)),
  );
  await ended();
});

Deno.test("a large manifest keeps annotations that fit", async () => {
  for (const pad of [10, ASIDE_BYTES]) {
    const bytes = new TextEncoder().encode(JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      manifests: [],
      annotations: { name: "x" },
      other: " ".repeat(pad),
    }));
    assert.deepEqual(
      await readManifestAside(bytes, OCI_INDEX),
      parseManifest(bytes, OCI_INDEX),
    );
  }
  await ended();
});

Deno.test("a large manifest is refused with the same sentence as a small one", async () => {
  const bytes = new TextEncoder().encode(
    JSON.stringify({ schemaVersion: 2, other: " ".repeat(ASIDE_BYTES) }),
  );
  await assert.rejects(
    readManifestAside(bytes),
    (error) =>
      isAppError(error, "MANIFEST_INVALID") &&
      /no media type/.test(error.message),
  );
  await ended();
});

Deno.test("manifests that arrive while others are parsed are parsed too, up to a limit", async () => {
  const bytes = indexBytes(10_000);
  const all = await Promise.allSettled(
    Array.from({ length: 80 }, () => readManifestAside(bytes, OCI_INDEX)),
  );
  const failed = all.filter(({ status }) => status === "rejected");
  assert.equal(failed.length, 80 - 64);
  assert.ok(await readManifestAside(bytes, OCI_INDEX));
  await ended();
});
