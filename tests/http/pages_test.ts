/** Pages of repositories: what they show, to whom, and that content is never markup. */

import assert from "node:assert/strict";
import { TestBrowser } from "../support/auth_app.ts";
import {
  artifact,
  imageIndex,
  imageManifest,
  randomBlob,
  textBlob,
} from "../support/oci.ts";
import {
  call,
  expect,
  repositoriesOf,
  Repository,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { pageAt, signedIn } from "../support/pages.ts";

const server = sharedServer();
const EVIL = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`;

const alices = repositoriesOf(server, "alice");

const page = (path: string, status = 200) => pageAt(server(), path, status);

/** Pushes an image for a platform; its labels are hostile. */
async function pushPlatform(repository: Repository, architecture: string) {
  const layer = randomBlob(5_000);
  const config = textBlob(JSON.stringify({
    os: "linux",
    architecture,
    config: {
      User: EVIL,
      Env: [`EVIL=${EVIL}`],
      Labels: { [EVIL]: EVIL, "org.opencontainers.image.source": EVIL },
    },
    history: [
      { created_by: "COPY shop /srv # buildkit" },
      { created_by: `USER ${EVIL}`, empty_layer: true },
    ],
  }));
  await Promise.all([
    repository.pushBlob(layer),
    repository.pushBlob(config),
  ]);
  const annotations = { "org.opencontainers.image.description": EVIL };
  const image = imageManifest(config, [layer], { annotations });
  expect(await repository.putManifest(image), 201);
  const platform = { os: "linux", architecture };
  return { image, entry: { ...image.descriptor, platform } };
}

Deno.test("an index is shown by its platforms, and hostile content stays text everywhere", async () => {
  const repository = alices("pages/index");
  const amd = await pushPlatform(repository, "amd64");
  const arm = await pushPlatform(repository, "arm64");
  await repository.pushEmptyJson();
  const proof = artifact("application/vnd.in-toto+json", undefined);
  expect(await repository.putManifest(proof), 201);
  const index = imageIndex([amd.entry, arm.entry, {
    ...proof.descriptor,
    platform: { os: "unknown", architecture: "unknown" },
  }], { annotations: { [EVIL]: EVIL } });
  expect(await repository.putManifest(index, "v1"), 201);
  expect(await repository.putManifest(index, "latest"), 201);
  const signature = artifact(
    "application/vnd.dev.cosign.artifact.sig.v1+json",
    index.descriptor,
    { annotations: { "org.opencontainers.image.created": EVIL } },
  );
  expect(await repository.putManifest(signature), 201);

  const base = "/r/alice.test/pages/index";
  const paths = [
    base,
    `${base}/-/tags`,
    `${base}:v1`,
    `${base}@${index.digest}`,
  ];
  for (const path of paths) {
    const html = await page(path);
    assert.doesNotMatch(
      html,
      /<script>|<img src=x/,
      path,
    );
    assert.doesNotMatch(html, /href="[^/#h][^"]*"/, path);
    assert.match(html, /alice\.test/);
  }
  const image = await page(`${base}:v1`);
  assert.match(image, /linux\/amd64/);
  assert.match(image, /linux\/arm64/);
  assert.doesNotMatch(image, /unknown\/unknown/);
  assert.match(image, /<b>COPY<\/b> shop \/srv/);
  assert.match(image, /no files/);
  assert.match(image, /Attestation/);
  assert.match(image, /Signature/);
  assert.match(image, /= latest|= <\/?[^>]*>?latest/);
  const other = await page(`${base}:v1?platform=linux%2Farm64`);
  assert.match(other, /aria-current="true">linux\/arm64/);
  const tags = await page(`${base}/-/tags`);
  assert.match(tags, /data-tag="v1"[\s\S]*latest is the same image/);
});

Deno.test("tags are the newest first, or by number in their names, or those with a text", async () => {
  const repository = alices("pages/tags");
  for (const tag of ["1.9", "1.10", "1.2", "other"]) {
    await repository.pushImage(tag);
  }
  const listed = async (query: string) => {
    const html = await page(`/r/alice.test/pages/tags/-/tags${query}`);
    return [...html.matchAll(/<tr data-tag="([^"]+)"/g)].map(([, tag]) => tag);
  };
  assert.deepEqual(await listed(""), ["other", "1.2", "1.10", "1.9"]);
  assert.deepEqual(await listed("?sort=name"), ["1.2", "1.9", "1.10", "other"]);
  assert.deepEqual(await listed("?q=1.1"), ["1.10"]);
  assert.deepEqual(await listed("?q=nothing"), []);
  assert.match(await page("/r/alice.test/pages/tags"), />other</);
});

Deno.test("an owner's handle is the address; what is not there is not found", async () => {
  await alices("pages/moved").pushImage("v1");
  const { did } = server().alice;
  for (const owner of [did, "@alice.test", "Alice.Test"]) {
    const url = new URL(`/r/${owner}/pages/moved:v1?a=1`, server().origin);
    const answer = await call(url, "GET");
    assert.equal(answer.status, 302, owner);
    const location = answer.headers.get("location");
    assert.equal(location, "/r/alice.test/pages/moved:v1?a=1");
  }
  await page("/r/alice.test/pages/moved", 200);
  for (const path of ["pages/none", "pages/moved:v2", "pages/moved/-/none"]) {
    assert.match(await page(`/r/alice.test/${path}`, 404), /No such|Not found/);
  }
  await page("/r/nobody.test/app", 404);
});

Deno.test("an artifact is shown as what it is, with the command that fetches it", async () => {
  const repository = alices("pages/chart");
  const config = textBlob(
    JSON.stringify({ name: "gateway", version: "1.0+b" }),
  );
  const layer = randomBlob(800);
  await Promise.all([repository.pushBlob(config), repository.pushBlob(layer)]);
  const chart = imageManifest(config, [layer], {
    config: {
      mediaType: "application/vnd.cncf.helm.config.v1+json",
      digest: config.digest,
      size: config.bytes.length,
    },
  });
  expect(await repository.putManifest(chart, "1.0_b"), 201);
  const html = await page("/r/alice.test/pages/chart:1.0_b");
  assert.match(html, /Helm chart/);
  assert.match(
    html.replaceAll(/<\/?span>/g, ""),
    /helm pull oci:\/\/[^<]+<b>alice\.test\/pages\/chart<\/b> --version 1\.0\+b/,
  );
  assert.match(html, /gateway/);
});

Deno.test("the owner deletes tags after a preview, and nobody else does", async () => {
  const repository = alices("pages/delete");
  const gone = await repository.pushImage("gone");
  const kept = await repository.pushImage("kept");
  expect(await repository.putManifest(kept, "alias"), 201);
  const path = "/r/alice.test/pages/delete/-/delete";
  const query = "?tag=gone&tag=alias";
  await page(`${path}${query}`, 404);
  const bob = await signedIn(server(), server().bob);
  assert.equal((await bob.get(`${path}${query}`)).status, 404);
  const alice = await signedIn(server(), server().alice);
  const preview = await (await alice.get(`${path}${query}`)).text();
  assert.match(preview, /Delete 2 tags/);
  assert.match(preview, /stays as kept/);
  assert.match(preview, /has no other tag/);
  const csrf = /name="csrf" value="([^"]+)"/.exec(preview)?.[1] ?? "";
  const send = (browser: TestBrowser, proof: string) =>
    browser.send(path, {
      method: "POST",
      body: new URLSearchParams([
        ["csrf", proof],
        ["tag", "gone"],
        ["tag", "alias"],
        ["images", "yes"],
      ]),
      headers: { "sec-fetch-site": "same-origin" },
    });
  assert.equal((await send(alice, "wrong")).status, 403);
  assert.equal((await send(bob, csrf)).status, 403);
  assert.deepEqual(await repository.tags(), ["alias", "gone", "kept"]);
  assert.equal((await send(alice, csrf)).status, 303);
  assert.deepEqual(await repository.tags(), ["kept"]);
  expect(await repository.send("GET", `manifests/${kept.digest}`), 200);
  expect(await repository.send("GET", `manifests/${gone.digest}`), 404);
});
