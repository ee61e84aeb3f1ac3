/** The page on which an owner describes or deletes a repository. */

import assert from "node:assert/strict";
import { csrfIn, signedIn } from "../support/pages.ts";
import { imageIndex } from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import { call, expect, repositoriesOf, textOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";

const EVIL =
  "# Shop\n\n<script>alert(1)</script>\n\n**bold** [a](javascript:alert(1)) <img src=https://evil.test/x.png onerror=alert(1)>";
const PNG = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

const server = sharedServer();
const alices = repositoriesOf(server, "alice");
const pds = () => new PdsAccount(server().pds, server().alice);

async function page(path: string, status = 200): Promise<string> {
  const answer = await call(new URL(path, server().origin), "GET");
  return textOf(expect(answer, status));
}

Deno.test("an owner writes a description after a preview, and it is never markup of its own", async () => {
  await alices("settings/text").pushImage("v1");
  const path = "/r/alice.test/settings/text/-/settings";
  await page(path, 404);
  const bob = await signedIn(server(), server().bob);
  assert.equal((await bob.get(path)).status, 404);
  const alice = await signedIn(server(), server().alice);
  const csrf = await csrfIn(alice, path);
  const preview = await alice.post(path, { csrf, do: "preview", text: EVIL });
  const shown = await preview.text();
  assert.match(shown, /<strong>bold<\/strong>/);
  assert.doesNotMatch(
    shown,
    /<script>|<img[^>]*(?:evil|onerror)|href="javascript/,
  );
  const before = await pds().records("io.atcr.repo.page");
  assert.deepEqual(before.filter(({ uri }) => uri.includes("settings")), []);
  const saved = await alice.post(path, { csrf, do: "save", text: EVIL });
  assert.equal(saved.status, 303);
  const overview = await page("/r/alice.test/settings/text");
  assert.match(overview, /<h2>Shop<\/h2>/);
  assert.doesNotMatch(
    overview,
    /<script>|<img[^>]*(?:evil|onerror)|href="javascript/,
  );
  const long = "x".repeat(100_001);
  const refused = await alice.post(path, { csrf, do: "save", text: long });
  assert.equal(refused.status, 413);
  assert.ok((await refused.text()).includes(long));
  const bobs = await csrfIn(bob, "/settings");
  const foreign = await bob.post(path, { csrf: bobs, do: "save", text: "x" });
  assert.equal(foreign.status, 403);
});

Deno.test("an owner uploads a picture and removes it; other files are refused", async () => {
  await alices("settings/picture").pushImage("v1");
  const path = "/r/alice.test/settings/picture/-/settings";
  const alice = await signedIn(server(), server().alice);
  const csrf = await csrfIn(alice, path);
  const send = async (what: string, file?: Uint8Array<ArrayBuffer>) => {
    const form = new FormData();
    form.set("csrf", csrf);
    form.set("do", what);
    if (file) form.set("picture", new File([file], "<b>.png"));
    return await alice.send(path, {
      method: "POST",
      body: form,
      headers: { "sec-fetch-site": "same-origin" },
    });
  };
  const text = new TextEncoder().encode("<svg onload=alert(1)>");
  assert.equal((await send("picture", text)).status, 415);
  assert.equal((await send("picture")).status, 400);
  assert.equal((await send("picture", PNG)).status, 303);
  const record = await pds().record("io.atcr.repo.page", "settings~picture");
  assert.match(JSON.stringify(record?.value["avatar"]), /image\/png/);
  assert.match(await (await alice.get(path)).text(), /Remove the picture/);
  // It stands on its page and in lists, at an address of this server.
  const own = /<img[^>]* src="(\/r\/[^"]*\/-\/picture\?v=\w+)"/;
  for (const place of ["/r/alice.test/settings/picture", "/u/alice.test"]) {
    await until(async () => own.test(await page(place)));
  }
  const [, src = ""] = own.exec(await page("/u/alice.test")) ?? [];
  const picture = await call(new URL(src, server().origin), "GET");
  assert.equal(picture.status, 302);
  const { location } = Object.fromEntries(picture.headers);
  const found = await call(new URL(location ?? "", server().origin), "GET");
  assert.match(found.headers.get("content-type") ?? "", /^image\//);
  await page("/r/alice.test/settings/text/-/picture", 404);
  assert.equal((await send("no-picture")).status, 303);
  const after = await pds().record("io.atcr.repo.page", "settings~picture");
  assert.equal(after?.value["avatar"], undefined);
});

Deno.test("an owner deletes a repository by its name, and no other one", async () => {
  const repository = alices("settings/gone");
  const image = await repository.pushImage("v1");
  const index = imageIndex([image.descriptor]);
  expect(await repository.putManifest(index, "latest"), 201);
  const kept = alices("settings/kept");
  const other = await kept.pushImage("v1");
  const path = "/r/alice.test/settings/gone/-/settings";
  const alice = await signedIn(server(), server().alice);
  const csrf = await csrfIn(alice, path);
  await alice.post(path, { csrf, do: "save", text: "Text" });
  const preview = await (await alice.get(path)).text();
  assert.match(preview, /<b>2 tags<\/b> and(?: |\s)*<b>2 images<\/b>/);
  const unsure = await alice.post(path, { csrf, do: "delete", confirm: "no" });
  assert.equal(unsure.status, 400);
  assert.match(await unsure.text(), /value="no"/);
  const confirm = "alice.test/settings/gone";
  const sure = await alice.post(path, { csrf, do: "delete", confirm });
  assert.equal(sure.status, 303);
  await until(async () =>
    await pds().record("io.atcr.repo.page", "settings~gone") === undefined
  );
  for (const { digest } of [image, index]) {
    expect(await repository.send("GET", `manifests/${digest}`), 404);
  }
  expect(await kept.send("GET", `manifests/${other.digest}`), 200);
  const tags = await pds().records("io.atcr.tag");
  const names = tags.map(({ value }) => value["repository"]);
  assert.ok(!names.includes("settings/gone"));
  assert.ok(names.includes("settings/kept"));
});
