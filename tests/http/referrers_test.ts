/** Referrers (distribution-spec, "Listing Referrers", end-12), and the lists that older clients keep. */

import assert from "node:assert/strict";
import {
  artifact,
  type Descriptor,
  imageIndex,
  imageManifest,
  type Manifest,
  randomBlob,
  TYPES,
} from "../support/oci.ts";
import {
  expect,
  expectError,
  header,
  Repository,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer();
const SIGNATURE = "application/vnd.example.signature";
const SBOM = "application/vnd.example.sbom";

async function alices(name: string): Promise<Repository> {
  const repository = new Repository(
    server(),
    server().alice,
    `alice.test/${name}`,
  );
  await repository.pushEmptyJson();
  return repository;
}

async function push(
  repository: Repository,
  manifest: Manifest,
): Promise<Manifest> {
  expect(await repository.putManifest(manifest), 201);
  return manifest;
}

const digests = (list: readonly Descriptor[]) =>
  list.map(({ digest }) => digest);
const sorted = (...manifests: Manifest[]) =>
  manifests.map(({ digest }) => digest).sort();

Deno.test("referrers of a manifest are listed with type and annotations", async () => {
  const repository = await alices("listed");
  const image = await repository.pushImage("x");
  const annotations = { "org.example.by": "somebody" };
  const signature = artifact(SIGNATURE, image.descriptor, { annotations });
  const put = expect(await repository.putManifest(signature), 201);
  assert.equal(header(put, "oci-subject"), image.digest);
  const list = await repository.referrers(image.digest);
  assert.deepEqual(list, [
    { ...signature.descriptor, artifactType: SIGNATURE, annotations },
  ]);
});

Deno.test("the type of an artifact falls back to that of its config, not for an index", async () => {
  const repository = await alices("types");
  const image = await repository.pushImage();
  const config = randomBlob(60);
  await repository.pushBlob(config);
  const subject = image.descriptor;
  const one = await push(repository, imageManifest(config, [], { subject }));
  const two = await push(repository, imageIndex([], { subject }));
  const typed = { subject, artifactType: SBOM };
  const three = await push(repository, imageIndex([], typed));
  const list = await repository.referrers(image.digest);
  const types = new Map(list.map((d) => [d.digest, d.artifactType]));
  assert.equal(types.get(one.digest), TYPES.config);
  assert.equal(types.get(two.digest), undefined);
  assert.ok(types.has(two.digest));
  assert.equal(types.get(three.digest), SBOM);
});

Deno.test("a subject may be missing, or be pushed later", async () => {
  const repository = await alices("missing");
  const config = randomBlob(60);
  await repository.pushBlob(config);
  const image = imageManifest(config, []);
  const signature = await push(
    repository,
    artifact(SIGNATURE, image.descriptor),
  );
  assert.deepEqual(digests(await repository.referrers(image.digest)), [
    signature.digest,
  ]);
  await push(repository, image);
  assert.deepEqual(digests(await repository.referrers(image.digest)), [
    signature.digest,
  ]);
  const path = `manifests/${image.digest}`;
  expect(await repository.send("DELETE", path), 202);
  expect(await repository.send("GET", `manifests/${signature.digest}`), 200);
});

Deno.test("the list can be filtered by type and reports the filter", async () => {
  const repository = await alices("filter");
  const { descriptor, digest } = await repository.pushImage();
  const signature = await push(repository, artifact(SIGNATURE, descriptor));
  const sbom = await push(repository, artifact(SBOM, descriptor));
  const path = `referrers/${digest}?artifactType=${encodeURIComponent(SBOM)}`;
  const answer = expect(await repository.send("GET", path), 200);
  assert.equal(header(answer, "oci-filters-applied"), "artifactType");
  assert.equal(header(answer, "content-type"), TYPES.index);
  const only = `?artifactType=${encodeURIComponent(SBOM)}`;
  assert.deepEqual(digests(await repository.referrers(digest, only)), [
    sbom.digest,
  ]);
  const both = `${only}&artifactType=${encodeURIComponent(SIGNATURE)}`;
  assert.deepEqual(
    digests(await repository.referrers(digest, both)),
    sorted(signature, sbom),
  );
  assert.deepEqual(await repository.referrers(digest, "?artifactType=x/y"), []);
});

Deno.test("a long list is paged, together with the filter", async () => {
  const repository = await alices("paging");
  const { descriptor, digest } = await repository.pushImage();
  const signatures: Manifest[] = [];
  for (let i = 0; i < 7; i++) {
    const annotations = { number: String(i) };
    signatures.push(
      await push(repository, artifact(SIGNATURE, descriptor, { annotations })),
    );
  }
  await push(repository, artifact(SBOM, descriptor));
  const found: string[] = [];
  let pages = 0;
  const type = encodeURIComponent(SIGNATURE);
  let next: string | undefined = `referrers/${digest}?n=3&artifactType=${type}`;
  while (next !== undefined) {
    const answer = expect(await repository.send("GET", next), 200);
    const { manifests } = JSON.parse(new TextDecoder().decode(answer.bytes));
    found.push(...digests(manifests));
    pages++;
    next = /^<([^>]+)>; rel="next"$/.exec(answer.headers.get("link") ?? "")
      ?.[1];
  }
  assert.deepEqual(found, sorted(...signatures));
  assert.equal(pages, 3);
});

Deno.test("a deleted referrer is removed from the list at once", async () => {
  const repository = await alices("deleted");
  const { descriptor, digest } = await repository.pushImage();
  const signature = await push(repository, artifact(SIGNATURE, descriptor));
  const sbom = await push(repository, artifact(SBOM, descriptor));
  const path = `manifests/${signature.digest}`;
  expect(await repository.send("DELETE", path), 202);
  assert.deepEqual(digests(await repository.referrers(digest)), [sbom.digest]);
});

Deno.test("a manifest without referrers has an empty list, even in a missing repository", async () => {
  const repository = await alices("empty");
  const { digest } = randomBlob(10);
  assert.deepEqual(await repository.referrers(digest), []);
  const nowhere = new Repository(server(), undefined, "alice.test/not/there");
  assert.deepEqual(await nowhere.referrers(digest), []);
  const nobodys = new Repository(server(), undefined, "nobody.test/app");
  assert.deepEqual(await nobodys.referrers(digest), []);
  const bad = await repository.send("GET", "referrers/sha256:short");
  expectError(bad, 400, "DIGEST_INVALID");
});

Deno.test("a list that an older client keeps under a tag is part of the list", async () => {
  const repository = await alices("tagged");
  const { descriptor, digest } = await repository.pushImage();
  const known = await push(repository, artifact(SIGNATURE, descriptor));
  // Without the referrers API some clients write no subject, or one of their own list.
  const old = await push(repository, artifact(SBOM, undefined));
  const other = await push(
    repository,
    artifact("application/vnd.example.old", undefined),
  );
  const never = artifact("application/vnd.example.never", undefined);
  const annotations = { from: "the list" };
  const list = imageIndex([
    { ...other.descriptor, artifactType: "application/vnd.example.old" },
    { ...old.descriptor, artifactType: SBOM, annotations },
    { ...known.descriptor, artifactType: "application/vnd.example.wrong" },
    never.descriptor,
  ]);
  const tag = digest.replace(":", "-");
  expect(await repository.putManifest(list, tag), 201);

  const found = await repository.referrers(digest);
  assert.deepEqual(digests(found), sorted(known, old, other));
  const byDigest = new Map(found.map((entry) => [entry.digest, entry]));
  assert.equal(byDigest.get(known.digest)?.artifactType, SIGNATURE);
  assert.deepEqual(byDigest.get(old.digest), {
    ...old.descriptor,
    artifactType: SBOM,
    annotations,
  });
  const pages: string[] = [];
  for (let last = "";;) {
    const page = await repository.referrers(digest, `?n=1&last=${last}`);
    if (page[0] === undefined) break;
    pages.push(last = page[0].digest);
  }
  assert.deepEqual(pages, sorted(known, old, other));
  const sboms = `?artifactType=${encodeURIComponent(SBOM)}`;
  assert.deepEqual(digests(await repository.referrers(digest, sboms)), [
    old.digest,
  ]);

  expect(await repository.send("DELETE", `manifests/${old.digest}`), 202);
  assert.deepEqual(
    digests(await repository.referrers(digest)),
    sorted(known, other),
  );
  expect(await repository.send("DELETE", `manifests/${tag}`), 202);
  assert.deepEqual(digests(await repository.referrers(digest)), [known.digest]);
});
