/** Lists of tags and repositories (distribution-spec, end-8), extensions, and deleting (end-9, 10). */

import assert from "node:assert/strict";
import { z } from "zod";
import { randomBlob } from "../support/oci.ts";
import {
  call,
  expect,
  expectError,
  header,
  jsonOf,
  repositoriesOf,
  Repository,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer();
const alices = repositoriesOf(server, "alice");
const names = z.object({ tags: z.array(z.string()) });
const catalog = z.object({ repositories: z.array(z.string()) });

/** Follows `Link` from `path` and returns the entries of every page. */
async function pages(
  repository: Repository,
  path: string,
  read: (body: unknown) => string[],
): Promise<string[][]> {
  const found: string[][] = [];
  for (let next: string | undefined = path; next !== undefined;) {
    const answer = expect(await repository.send("GET", next), 200);
    assert.equal(header(answer, "content-type"), "application/json");
    found.push(read(jsonOf(answer)));
    const link = answer.headers.get("link");
    next = undefined;
    if (link !== null) {
      const match = /^<(\/v2\/[^>]+)>; rel="next"$/.exec(link);
      assert.ok(match?.[1], link);
      next = match[1];
    }
    assert.ok(found.length < 50, "the pages have no end");
  }
  return found;
}

Deno.test("tags are listed in byte order, page by page", async () => {
  const repository = alices("paged");
  const image = await repository.pushImage();
  const tags = ["10", "2", "Z", "_x", "a", "a-b", "a.b", "b"];
  const query = `?${tags.toReversed().map((tag) => `tag=${tag}`).join("&")}`;
  expect(await repository.putManifest(image, image.digest, query), 201);
  assert.deepEqual(await repository.tags(), tags);
  const read = (body: unknown) => names.parse(body).tags;
  for (const n of [1, 3, 8, 9]) {
    const found = await pages(repository, `tags/list?n=${n}`, read);
    assert.deepEqual(found.flat(), tags);
    assert.equal(found.length, Math.ceil(tags.length / n));
  }
  const after = await pages(repository, "tags/list?last=_x", read);
  assert.deepEqual(after, [["a", "a-b", "a.b", "b"]]);
  const between = await pages(repository, "tags/list?n=2&last=Y", read);
  assert.deepEqual(between[0], ["Z", "_x"]);
  assert.deepEqual(await pages(repository, "tags/list?last=zz", read), [[]]);
  const none = expect(await repository.send("GET", "tags/list?n=0"), 200);
  assert.deepEqual(names.parse(jsonOf(none)).tags, []);
  assert.equal(none.headers.get("link"), null);
  for (const query of ["n=-1", "n=x", "n=1.5", `last=${"y".repeat(600)}`]) {
    const refused = await repository.send("GET", `tags/list?${query}`);
    assert.equal(refused.status, 400, query);
  }
});

Deno.test("the catalog lists every repository page by page", async () => {
  const wanted = ["cat/a", "cat/b", "cat/c"].map((name) =>
    `alice.test/${name}`
  );
  for (const name of ["cat/b", "cat/c", "cat/a"]) {
    await alices(name).pushImage("x");
  }
  const bobs = new Repository(server(), server().bob, "bob.test/mine");
  await bobs.pushImage("x");
  const read = (body: unknown) => catalog.parse(body).repositories;
  const path = `${server().origin}/v2/_catalog`;
  const [whole = []] = await pages(bobs, path, read);
  for (const name of [...wanted, "bob.test/mine"]) {
    assert.ok(whole.includes(name), name);
  }
  const found = await pages(bobs, `${path}?n=1`, read);
  assert.deepEqual(found.flat(), whole);
  assert.equal(found.length, whole.length);
  const none = expect(await bobs.send("GET", `${path}?n=0`), 200);
  assert.deepEqual(read(jsonOf(none)), []);
});

Deno.test("extensions are listed", async () => {
  for (
    const path of ["_oci/ext/discover", "alice.test/any/_oci/ext/discover"]
  ) {
    const url = `${server().origin}/v2/${path}`;
    const answer = expect(await call(url, "GET"), 200);
    const { extensions } = z.object({
      extensions: z.array(z.object({
        name: z.string(),
        description: z.string(),
        url: z.url(),
      })),
    }).parse(jsonOf(answer));
    assert.deepEqual(extensions.map(({ name }) => name), ["_oci"]);
  }
});

Deno.test("a deleted tag is gone at once and its manifest stays", async () => {
  const repository = alices("untag");
  const image = await repository.pushImage("gone");
  expect(await repository.putManifest(image, "kept"), 201);
  expect(await repository.send("DELETE", "manifests/gone"), 202);
  for (const method of ["GET", "DELETE"]) {
    const answer = await repository.send(method, "manifests/gone");
    expectError(answer, 404, "MANIFEST_UNKNOWN");
  }
  assert.deepEqual(await repository.tags(), ["kept"]);
  expect(await repository.send("GET", `manifests/${image.digest}`), 200);
  expect(await repository.send("DELETE", "manifests/kept"), 202);
  assert.deepEqual(await repository.tags(), []);
  expect(await repository.send("GET", `manifests/${image.digest}`), 200);
});

Deno.test("a deleted manifest deletes its tags and nothing else", async () => {
  const repository = alices("unpush");
  const image = await repository.pushImage("a");
  expect(await repository.putManifest(image, "b"), 201);
  const other = await repository.pushImage("c");
  const path = `manifests/${image.digest}`;
  expect(await repository.send("DELETE", path), 202);
  for (const reference of ["a", "b", image.digest]) {
    const get = await repository.send("GET", `manifests/${reference}`);
    expectError(get, 404, "MANIFEST_UNKNOWN");
  }
  expectError(await repository.send("DELETE", path), 404, "MANIFEST_UNKNOWN");
  assert.deepEqual(await repository.tags(), ["c"]);
  expect(await repository.send("GET", `manifests/${other.digest}`), 200);
  expect(await repository.putManifest(image, "again"), 201);
  expect(await repository.send("GET", "manifests/again"), 200);
});

Deno.test("content deleted in one repository stays in the others", async () => {
  const [one, two] = [alices("twin/one"), alices("twin/two")];
  const image = await one.pushImage("x");
  const layers = JSON.parse(new TextDecoder().decode(image.bytes));
  for (const { digest } of [layers.config, ...layers.layers]) {
    const query = `?mount=${digest}&from=alice.test/twin/one`;
    expect(await two.send("POST", `blobs/uploads/${query}`), 201);
  }
  expect(await two.putManifest(image, "x"), 201);
  expect(await one.send("DELETE", `manifests/${image.digest}`), 202);
  const { digest } = layers.config;
  expect(await one.send("DELETE", `blobs/${digest}`), 202);
  expectError(await one.send("GET", `blobs/${digest}`), 404, "BLOB_UNKNOWN");
  expect(await two.send("GET", `blobs/${digest}`), 200);
  expect(await two.send("GET", "manifests/x"), 200);
});

Deno.test("a deleted blob is gone at once and can be pushed again", async () => {
  const repository = alices("unblob");
  const blob = randomBlob(2_000);
  await repository.pushBlob(blob);
  const path = `blobs/${blob.digest}`;
  expect(await repository.send("DELETE", path), 202);
  for (const method of ["GET", "DELETE"]) {
    expectError(await repository.send(method, path), 404, "BLOB_UNKNOWN");
  }
  assert.equal((await repository.send("HEAD", path)).status, 404);
  await repository.pushBlob(blob);
  assert.deepEqual((await repository.send("GET", path)).bytes, blob.bytes);
});
