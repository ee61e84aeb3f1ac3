/** Records that another program removed from the owner's repo: the next push writes them again. */

import assert from "node:assert/strict";
import { imageIndex, type Manifest } from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import { expect, repositoriesOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { validateRecord } from "../../lib/atproto/lexicon/testing.ts";

const MANIFEST = "io.atcr.manifest";
const TAG = "io.atcr.tag";

const server = sharedServer();
const alices = repositoriesOf(server, "alice");
const pds = () => new PdsAccount(server().pds, server().alice);
const hex = (digest: string) => digest.slice(digest.indexOf(":") + 1);

/** The record with its exact bytes and the tag are in the owner's repo. */
async function assertRecorded(
  repository: string,
  { bytes, digest }: Manifest,
  tags: readonly string[],
): Promise<void> {
  const record = await pds().record(MANIFEST, hex(digest));
  assert.ok(record, "the manifest has no record");
  assert.deepEqual(validateRecord(MANIFEST, record.value), { valid: true });
  const blob = record.value["manifestBlob"] as { ref: { $link: string } };
  const stored = new Uint8Array(await pds().blob(blob.ref.$link));
  assert.deepEqual(stored, bytes);
  for (const tag of tags) {
    const found = await pds().record(TAG, `${repository}_${tag}`);
    assert.ok(found, `the tag ${tag} has no record`);
    assert.match(String(found.value["manifest"]), new RegExp(hex(digest)));
  }
}

for (const gone of ["manifest", "tag", "manifest and tag"]) {
  for (const way of ["the same tag", "another tag", "its digest"]) {
    Deno.test(`when the ${gone} record was removed, a push by ${way} writes what it acknowledges`, async () => {
      const name = `${gone}-${way}`.replaceAll(" ", "-");
      const image = await alices(name).pushImage("v1");
      if (gone.includes("manifest")) {
        await pds().delete(MANIFEST, hex(image.digest));
      }
      if (gone.includes("tag")) await pds().delete(TAG, `${name}_v1`);
      const tags = { "the same tag": ["v1"], "another tag": ["v2"] }[way] ?? [];
      const put = await alices(name).putManifest(image, tags[0]);
      expect(put, 201);
      await assertRecorded(name, image, tags);
    });
  }
}

Deno.test("a push with many tags after all records were removed writes all of them", async () => {
  const image = await alices("many").pushImage("a");
  const query = "?tag=a&tag=b&tag=c";
  expect(await alices("many").putManifest(image, image.digest, query), 201);
  await pds().delete(MANIFEST, hex(image.digest));
  for (const tag of ["a", "c"]) await pds().delete(TAG, `many_${tag}`);
  expect(await alices("many").putManifest(image, image.digest, query), 201);
  await assertRecorded("many", image, ["a", "b", "c"]);
});

Deno.test("a push to a second repository writes a record that was removed", async () => {
  const image = await alices("first").pushImage("x");
  await alices("second").pushImage("other");
  expect(await alices("second").putManifest(image, "x"), 201);
  await pds().delete(MANIFEST, hex(image.digest));
  expect(await alices("first").putManifest(image, "x"), 201);
  await assertRecorded("first", image, ["x"]);
});

Deno.test("concurrent pushes of several manifests, one without its record, all succeed", async () => {
  const image = await alices("several").pushImage("x");
  const more = ["a", "b", "c"].map((name) =>
    imageIndex([image.descriptor], { annotations: { name } })
  );
  for (const one of more) {
    expect(await alices("several").putManifest(one, one.digest), 201);
  }
  const [, lost] = more;
  assert.ok(lost);
  await pds().delete(MANIFEST, hex(lost.digest));
  const puts = await Promise.all(
    more.map((one) => alices("several").putManifest(one, one.digest)),
  );
  for (const put of puts) expect(put, 201);
  for (const one of more) await assertRecorded("several", one, []);
});

Deno.test("a client that checks before it pushes learns that the record was removed", async () => {
  for (const gone of ["manifest", "tag"]) {
    const name = `asked-${gone}`;
    const image = await alices(name).pushImage("v1");
    const head = (path: string) => alices(name).send("HEAD", path);
    for (const path of ["manifests/v1", `manifests/${image.digest}`]) {
      expect(await head(path), 200);
    }
    if (gone === "manifest") await pds().delete(MANIFEST, hex(image.digest));
    else await pds().delete(TAG, `${name}_v1`);
    // Concurrent requests share one check of the owner's repo.
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(await head("manifests/v1"), 404);
    const byDigest = await head(`manifests/${image.digest}`);
    expect(byDigest, gone === "manifest" ? 404 : 200);
    expect(await alices(name).putManifest(image, "v1"), 201);
    await assertRecorded(name, image, ["v1"]);
    expect(await head("manifests/v1"), 200);
  }
});

Deno.test("pushing an unchanged image again leaves its record as it is", async () => {
  const image = await alices("same").pushImage("x");
  const before = await pds().record(MANIFEST, hex(image.digest));
  expect(await alices("same").putManifest(image, "x"), 201);
  expect(await alices("same").putManifest(image, "y"), 201);
  const after = await pds().record(MANIFEST, hex(image.digest));
  assert.ok(before);
  assert.equal(after?.cid, before.cid);
});
