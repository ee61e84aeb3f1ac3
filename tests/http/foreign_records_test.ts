/** Images that another implementation has recorded, read from the owner's PDS on first access. */

import assert from "node:assert/strict";
import {
  artifact,
  imageIndex,
  imageManifest,
  type Manifest,
  randomBlob,
  TYPES,
} from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import { CAN_LIST_CHILDREN, killNetwork } from "../support/processes.ts";
import { expect, expectError, Repository } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const MANIFEST = "io.atcr.manifest";
const TAG = "io.atcr.tag";
const SBOM = "application/vnd.example.sbom";

const server = sharedServer({
  expectedErrors: /the bytes that its digest promises|network has ended/,
});
/** Bob has never logged in here, so nothing of him is cached. */
const bobs = (name: string) =>
  new Repository(server(), undefined, `bob.test/${name}`);
let bobsPds: PdsAccount | undefined;
const pds = () => bobsPds ??= new PdsAccount(server().pds, server().bob);
const hold = () => `did:web:${server().host.replace(":", "%3A")}`;
const hex = (digest: string) => digest.slice("sha256:".length);

/** An image whose blobs are in the hold, uploaded by another account. */
async function image(extra: Record<string, unknown> = {}): Promise<Manifest> {
  const { alice } = server();
  const brought = new Repository(server(), alice, "alice.test/brought");
  const [config, layer] = [randomBlob(100), randomBlob(2_000)];
  await Promise.all([brought.pushBlob(config), brought.pushBlob(layer)]);
  return imageManifest(config, [layer], extra);
}

/** Writes a manifest record as another implementation would. */
async function record(
  repository: string,
  { bytes, digest, mediaType }: Manifest,
  fields: Record<string, unknown> = { holdDid: hold() },
  rkey: string = hex(digest),
): Promise<void> {
  const manifestBlob = await pds().uploadBlob(bytes, mediaType);
  await pds().put(MANIFEST, rkey, {
    repository,
    digest,
    mediaType,
    schemaVersion: 2,
    createdAt: "2025-11-02T10:00:00.000Z",
    manifestBlob,
    ...fields,
  });
}

async function assertPulled(
  repository: Repository,
  reference: string,
  { bytes, mediaType }: Manifest,
): Promise<void> {
  const answer = await repository.send("GET", `manifests/${reference}`);
  assert.deepEqual(expect(answer, 200).bytes, bytes);
  assert.equal(answer.headers.get("content-type"), mediaType);
  const { config, layers = [] } = JSON.parse(new TextDecoder().decode(bytes));
  for (const { digest } of config ? [config, ...layers] : []) {
    expect(await repository.send("GET", `blobs/${digest}`), 200);
  }
}

const uri = (rkey: string) => `at://${server().bob.did}/${MANIFEST}/${rkey}`;

Deno.test("current records with keys like ours are pulled by tag and digest", async () => {
  const [one, two] = [await image(), await image()];
  await record("now", one);
  await record("now", two);
  await pds().put(TAG, "now_v1", {
    repository: "now",
    tag: "v1",
    manifest: uri(hex(one.digest)),
    mediaType: TYPES.manifest,
    updatedAt: "2026-08-05T10:00:00.000Z",
  });
  await assertPulled(bobs("now"), two.digest, two);
  await assertPulled(bobs("now"), "v1", one);
  await assertPulled(bobs("now"), one.digest, one);
});

Deno.test("records of early versions with any keys are pulled, all concurrently", async () => {
  const images = await Promise.all([image(), image(), image(), image()]);
  for (const [i, early] of images.entries()) {
    const rkey = `3l5aaaaaaaa2${i + 2}`;
    await record(
      "early",
      early,
      { holdEndpoint: server().origin },
      rkey,
    );
    await pds().put(TAG, `3l6aaaaaaaa2${i + 2}`, {
      repository: "early",
      tag: `v${i}`,
      // The last two name the record, the others the digest.
      ...(i < 2 ? { manifestDigest: early.digest } : { manifest: uri(rkey) }),
      createdAt: "2025-10-10T10:00:00.000Z",
    });
  }
  await forgetListings();
  await Promise.all(
    images.map((early, i) => assertPulled(bobs("early"), `v${i}`, early)),
  );
  for (const early of images) {
    await assertPulled(bobs("early"), early.digest, early);
  }
  assert.deepEqual(await bobs("early").tags(), ["v0", "v1", "v2", "v3"]);
});

Deno.test("an index leads to its manifests, a subject to its referrers", async () => {
  const child = await image();
  const index = imageIndex([child.descriptor]);
  const sbom = artifact(SBOM, index.descriptor);
  // One record for all repositories of an owner: the last push gave the name.
  await record("another", child);
  await record("multi", index);
  await record("multi", sbom, { subject: index.descriptor });
  await pds().put(TAG, "multi_all", {
    repository: "multi",
    tag: "all",
    manifest: uri(hex(index.digest)),
  });
  await forgetListings();
  const [referrer] = await bobs("multi").referrers(index.digest);
  assert.equal(referrer?.digest, sbom.digest);
  assert.equal(referrer?.artifactType, SBOM);
  await assertPulled(bobs("multi"), "all", index);
  await assertPulled(bobs("multi"), child.digest, child);
});

Deno.test("referrers that a client has listed under a tag elsewhere are found", async () => {
  const subject = await image();
  const signature = artifact("application/vnd.example.sig", undefined);
  const list = imageIndex([signature.descriptor]);
  for (const each of [subject, signature, list]) await record("tagged", each);
  await pds().put(TAG, `tagged_sha256-${hex(subject.digest)}`, {
    repository: "tagged",
    tag: `sha256-${hex(subject.digest)}`,
    manifest: uri(hex(list.digest)),
  });
  await assertPulled(bobs("tagged"), subject.digest, subject);
  await bobs("tagged").send("GET", `manifests/sha256-${hex(subject.digest)}`);
  const [referrer] = await bobs("tagged").referrers(subject.digest);
  assert.equal(referrer?.digest, signature.digest);
});

Deno.test("invalid records are skipped or refused, never served", async () => {
  const good = await image();
  await record("odd", good);
  const bytes = await pds().uploadBlob(randomBlob(50).bytes, TYPES.manifest);
  const [liar, bare] = [await image(), await image()];
  await record("odd", liar, { holdDid: hold(), manifestBlob: bytes });
  await record("odd", bare, { holdDid: hold(), manifestBlob: null });
  await pds().put(TAG, "odd_bad", { repository: "odd", tag: 7 });
  await pds().put(TAG, "odd_none", { repository: "odd", tag: "none" });
  await pds().put(TAG, "odd_far", {
    repository: "odd",
    tag: "far",
    manifest: "at://did:plc:aaaaaaaaaaaaaaaaaaaaaaaa/app.bsky.feed.post/x",
  });
  await pds().put(MANIFEST, "nonsense", { digest: "sha256:x" });
  await pds().put(TAG, "odd_good", {
    repository: "odd",
    tag: "good",
    manifestDigest: good.digest,
  });
  await forgetListings();
  await assertPulled(bobs("odd"), "good", good);
  const refused = await bobs("odd").send("GET", `manifests/${liar.digest}`);
  const { message } = expectError(refused, 502, "UNAVAILABLE");
  assert.match(message, /does not have the bytes/);
  for (const reference of [bare.digest, "bad", "none", "far"]) {
    const get = await bobs("odd").send("GET", `manifests/${reference}`);
    expectError(get, 404, "MANIFEST_UNKNOWN");
  }
});

Deno.test("a tag moved or deleted elsewhere is updated here", async () => {
  const [before, after] = [await image(), await image()];
  await record("moving", before);
  await record("moving", after);
  const put = (to: Manifest) =>
    pds().put(TAG, "moving_x", {
      repository: "moving",
      tag: "x",
      manifest: uri(hex(to.digest)),
    });
  await put(before);
  await assertPulled(bobs("moving"), "x", before);
  await put(after);
  await later();
  await untilTag("moving", "x", after.digest);
  await assertPulled(bobs("moving"), "x", after);
  await pds().delete(TAG, "moving_x");
  await later();
  await untilTag("moving", "x", undefined);
});

Deno.test("a manifest with a key of another service can be deleted here permanently", async () => {
  const early = await image();
  await record("gone", early, { holdDid: hold() }, "3l7aaaaaaaa22");
  await pds().put(TAG, "gone_x", {
    repository: "gone",
    tag: "x",
    manifest: uri("3l7aaaaaaaa22"),
  });
  await assertPulled(bobs("gone"), "x", early);
  const own = new Repository(server(), server().bob, "bob.test/gone");
  expect(await own.send("DELETE", `manifests/${early.digest}`), 202);
  assert.equal(await pds().record(MANIFEST, "3l7aaaaaaaa22"), undefined);
  assert.equal(await pds().record(TAG, "gone_x"), undefined);
  for (const reference of ["x", early.digest]) {
    const get = await own.send("GET", `manifests/${reference}`);
    expectError(get, 404, "MANIFEST_UNKNOWN");
  }
});

Deno.test({
  name: "content that was read once is served without the PDS",
  ignore: !CAN_LIST_CHILDREN,
  fn: async () => {
    await later();
    await killNetwork(server());
    for (const [name, tag] of [["now", "v1"], ["early", "v3"]] as const) {
      const repository = bobs(name);
      const get = expect(await repository.send("GET", `manifests/${tag}`), 200);
      const { layers } = JSON.parse(new TextDecoder().decode(get.bytes));
      const [{ digest }] = layers;
      expect(await repository.send("GET", `blobs/${digest}`), 200);
    }
    assert.deepEqual(await bobs("early").tags(), ["v0", "v1", "v2", "v3"]);
  },
});

/** Waits until the tag leads to `digest`; undefined: to nothing. */
async function untilTag(
  name: string,
  tag: string,
  digest: string | undefined,
): Promise<void> {
  const leadsThere = async () => {
    const head = await bobs(name).send("HEAD", `manifests/${tag}`);
    return (head.headers.get("docker-content-digest") ?? undefined) === digest;
  };
  await until(leadsThere, () => `${name}:${tag} does not lead to ${digest}`);
}

/** Makes all tags as if they had been compared with the PDS long ago. */
async function later(): Promise<void> {
  const kv = await openKv(`${server().dataDir}/kv.sqlite3`);
  const tags = kv.list<Record<string, unknown>>({
    prefix: ["registry", "tag"],
  });
  for await (const { key, value } of tags) {
    await kv.set(key, { ...value, checkedAt: 0 });
  }
  kv.close();
}

/** Makes all owners as if their records had never been listed. */
async function forgetListings(): Promise<void> {
  const kv = await openKv(`${server().dataDir}/kv.sqlite3`);
  for await (const { key } of kv.list({ prefix: ["registry", "synced"] })) {
    await kv.delete(key);
  }
  kv.close();
}
