/** Records of a push in the owner's repo: valid records, and the manifest byte for byte. */

import assert from "node:assert/strict";
import { z } from "zod";
import {
  artifact,
  descriptor,
  digestOf,
  imageIndex,
  type Manifest,
  manifest,
  randomBlob,
  TYPES,
} from "../support/oci.ts";
import { PdsAccount, type PdsRecord } from "../support/pds.ts";
import {
  expect,
  header,
  repositoriesOf,
  Repository,
} from "../support/registry.ts";
import type { TestAccount } from "../support/server.ts";
import { sharedServer } from "../support/shared_server.ts";
import { decodeFrame } from "../support/sync_verifier.ts";
import { until } from "../support/until.ts";
import { validateRecord } from "../../lib/atproto/lexicon/testing.ts";

const MANIFEST = "io.atcr.manifest";
const TAG = "io.atcr.tag";
const PROFILE = "io.atcr.sailor.profile";

const server = sharedServer();
const alices = repositoriesOf(server, "alice");
const alicesPds = () => new PdsAccount(server().pds, server().alice);
const commitEvent = z.object({
  repo: z.string(),
  rev: z.string(),
  ops: z.array(z.object({ path: z.string() })),
});
const withBlob = z.object({
  manifestBlob: z.object({
    mimeType: z.string(),
    size: z.number(),
    ref: z.object({ $link: z.string() }),
  }),
});

/** The record, which must be there and be what its lexicon says. */
async function validRecord(
  collection: string,
  rkey: string,
): Promise<PdsRecord> {
  const record = await alicesPds().record(collection, rkey);
  assert.ok(record, `there is no ${collection}/${rkey}`);
  assert.deepEqual(validateRecord(collection, record.value), { valid: true });
  return record;
}

const hex = (digest: string) => digest.slice(digest.indexOf(":") + 1);

Deno.test("a push writes a manifest and a tag record that describe it", async () => {
  const { alice, host } = server();
  const annotations = { "org.opencontainers.image.title": "A title" };
  const image = await alices("team/app").pushImage("v1.0", { annotations });
  const { value } = await validRecord(MANIFEST, hex(image.digest));
  const { config, layers } = JSON.parse(new TextDecoder().decode(image.bytes));
  const { manifestBlob: _, createdAt, ...rest } = value;
  assert.deepEqual(rest, {
    $type: MANIFEST,
    repository: "team/app",
    digest: image.digest,
    mediaType: TYPES.manifest,
    schemaVersion: 2,
    holdDid: `did:web:${host.replace(":", "%3A")}`,
    config,
    layers,
    annotations,
  });
  assert.ok(Math.abs(Date.parse(String(createdAt)) - Date.now()) < 60_000);

  const tag = await validRecord(TAG, "team~app_v1.0");
  const { updatedAt, ...pointer } = tag.value;
  assert.deepEqual(pointer, {
    $type: TAG,
    repository: "team/app",
    tag: "v1.0",
    manifest: `at://${alice.did}/${MANIFEST}/${hex(image.digest)}`,
    mediaType: TYPES.manifest,
  });
  assert.ok(Math.abs(Date.parse(String(updatedAt)) - Date.now()) < 60_000);
});

Deno.test("manifests of every kind are valid records with their exact bytes", async () => {
  const repository = alices("kinds");
  await repository.pushEmptyJson();
  const image = await repository.pushImage();
  const platform = {
    os: "windows",
    architecture: "amd64",
    variant: "v2",
    "os.version": "10.0.1",
    "os.features": ["win32k"],
  };
  const [config, layer] = [randomBlob(90), randomBlob(90)];
  await repository.pushBlob(config);
  await repository.pushBlob(layer);
  const kinds: Manifest[] = [
    image,
    imageIndex([{ ...image.descriptor, platform }, {
      ...image.descriptor,
      platform: { os: "unknown", architecture: "unknown" },
    }]),
    imageIndex([], { artifactType: "application/vnd.example.x" }),
    artifact("application/vnd.example.sig", image.descriptor, {
      annotations: { "a.b/c": "Grüße 🐳" },
    }),
    manifest({
      schemaVersion: 2,
      mediaType: TYPES.dockerManifest,
      config: descriptor(config, TYPES.dockerConfig),
      layers: [descriptor(layer, TYPES.dockerLayer)],
    }),
    manifest({
      schemaVersion: 2,
      mediaType: TYPES.manifest,
      config: descriptor(config, TYPES.config),
      layers: Array.from(
        { length: 1_500 },
        () => descriptor(layer, TYPES.layer),
      ),
      annotations: { long: "x".repeat(200_000) },
    }),
  ];
  for (const pushed of kinds) {
    expect(await repository.putManifest(pushed), 201);
    const { value } = await validRecord(MANIFEST, hex(pushed.digest));
    const { manifestBlob } = withBlob.parse(value);
    assert.equal(manifestBlob.mimeType, pushed.mediaType);
    assert.equal(manifestBlob.size, pushed.bytes.length);
    const stored = await alicesPds().blob(manifestBlob.ref.$link);
    assert.deepEqual(new Uint8Array(stored), pushed.bytes);
  }
});

Deno.test("a manifest under its sha512 has a record under that", async () => {
  const image = await alices("long").pushImage();
  const digest = digestOf(image.bytes, "sha512");
  expect(await alices("long").putManifest(image, digest, "?tag=x"), 201);
  const { value } = await validRecord(MANIFEST, hex(digest));
  assert.equal(value["digest"], digest);
  const tag = await validRecord(TAG, "long_x");
  assert.equal(
    tag.value["manifest"],
    `at://${server().alice.did}/${MANIFEST}/${hex(digest)}`,
  );
});

Deno.test("one commit holds the manifest and all its tags", async () => {
  const image = await alices("commit").pushImage();
  const query = "?tag=a&tag=b&tag=c";
  const index = imageIndex([image.descriptor]);
  const commits = await commitsDuring(server().alice, async () => {
    const put = await alices("commit").putManifest(index, index.digest, query);
    expect(put, 201);
  });
  assert.deepEqual(commits, [[
    `${MANIFEST}/${hex(index.digest)}`,
    `${TAG}/commit_a`,
    `${TAG}/commit_b`,
    `${TAG}/commit_c`,
  ]]);
});

Deno.test("two names of tags that share a record key do not overwrite each other", async () => {
  const one = await alices("a_b").pushImage("c");
  const two = await alices("a").pushImage("b_c");
  const records = await alicesPds().records(TAG);
  const found = records.filter(({ value }) =>
    ["a_b", "a"].includes(String(value["repository"]))
  );
  assert.deepEqual(
    found.map(({ uri }) => uri.slice(uri.lastIndexOf("/") + 1)).sort(),
    ["a:b_c", "a_b_c"],
  );
  const get = async (name: string, tag: string) =>
    (await alices(name).send("GET", `manifests/${tag}`)).bytes;
  assert.deepEqual(await get("a_b", "c"), one.bytes);
  assert.deepEqual(await get("a", "b_c"), two.bytes);
  expect(await alices("a").send("DELETE", "manifests/b_c"), 202);
  assert.deepEqual(await get("a_b", "c"), one.bytes);
});

Deno.test("deletes remove the records, and only theirs", async () => {
  const repository = alices("removed");
  const image = await repository.pushImage("x");
  expect(await repository.putManifest(image, "y"), 201);
  expect(await repository.send("DELETE", "manifests/x"), 202);
  assert.equal(await alicesPds().record(TAG, "removed_x"), undefined);
  await validRecord(TAG, "removed_y");
  await validRecord(MANIFEST, hex(image.digest));
  expect(await repository.send("DELETE", `manifests/${image.digest}`), 202);
  assert.equal(await alicesPds().record(TAG, "removed_y"), undefined);
  assert.equal(
    await alicesPds().record(MANIFEST, hex(image.digest)),
    undefined,
  );
});

Deno.test("the first login makes a sailor profile, later ones leave it alone", async () => {
  const { bob, host } = server();
  const pds = new PdsAccount(server().pds, bob);
  assert.equal(await pds.record(PROFILE, "self"), undefined);
  const logins = ["a", "b", "c"].map((name) =>
    new Repository(server(), bob, `bob.test/${name}`)
  );
  const writes = await commitsDuring(bob, async () => {
    await Promise.all(logins.map((repository) => repository.token()));
  });
  assert.deepEqual(writes, [[`${PROFILE}/self`]]);
  const made = await pds.record(PROFILE, "self");
  assert.deepEqual(validateRecord(PROFILE, made?.value), { valid: true });
  assert.equal(
    made?.value["defaultHold"],
    `did:web:${host.replace(":", "%3A")}`,
  );
  await new Repository(server(), bob, "bob.test/y").token();
  assert.equal((await pds.record(PROFILE, "self"))?.cid, made?.cid);
});

Deno.test("handle and DID lead to the same repository", async () => {
  const { alice } = server();
  const image = await alices("names").pushImage("v1");
  const safe = alice.did.replaceAll(":", "-");
  for (const owner of ["ALICE.test", safe, alice.did]) {
    const same = new Repository(server(), alice, `${owner}/names`);
    const get = await same.send("GET", "manifests/v1");
    assert.deepEqual(expect(get, 200).bytes, image.bytes, owner);
    const tag = owner.startsWith("did") ? owner.slice(0, 7) : "upper";
    const put = await same.putManifest(image, tag.replaceAll(":", "_"));
    const location = header(expect(put, 201), "location");
    expect(await alices("names").send("GET", location), 200);
    assert.doesNotMatch(location, /did:|[A-Z]/);
  }
  assert.deepEqual(await alices("names").tags(), [
    "did-plc",
    "did_plc",
    "upper",
    "v1",
  ]);
});

/** Paths changed by each commit to the repo of `did` while `work` ran. */
async function commitsDuring(
  { did }: TestAccount,
  work: () => Promise<void>,
): Promise<string[][]> {
  const { pds } = server();
  const before = await revision(did);
  const commits: { rev: string; paths: string[] }[] = [];
  const url = `${pds.replace(/^http/, "ws")}/xrpc/`;
  const socket = new WebSocket(`${url}com.atproto.sync.subscribeRepos`);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    const { body } = decodeFrame(new Uint8Array(data));
    const { success, data: commit } = commitEvent.safeParse(body);
    // The PDS may tell the latest commits before, too.
    if (!success || commit.repo !== did || commit.rev <= before) return;
    commits.push({ rev: commit.rev, paths: commit.ops.map((op) => op.path) });
  };
  await new Promise((resolve) => socket.onopen = resolve);
  await work();
  const after = await revision(did);
  await until(() => commits.at(-1)?.rev === after, () => commits);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  return commits.map(({ paths }) => paths.sort());
}

/** The newest revision of an account's repo. */
async function revision(did: string): Promise<string> {
  const { pds } = server();
  const method = "com.atproto.sync.getLatestCommit";
  const response = await fetch(`${pds}/xrpc/${method}?did=${did}`);
  return z.object({ rev: z.string() }).parse(await response.json()).rev;
}
