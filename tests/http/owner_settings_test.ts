/** Settings of accounts: kept in their repos, and obeyed. */

import assert from "node:assert/strict";
import { csrfIn, signedIn } from "../support/pages.ts";
import {
  artifact,
  imageIndex,
  imageManifest,
  randomBlob,
  textBlob,
} from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import { expect, repositoriesOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";
import { validateRecord } from "../../lib/atproto/lexicon/testing.ts";

const PROFILE = "io.atcr.sailor.profile";

const server = sharedServer();
const alices = repositoriesOf(server, "alice");

/** Sends the form of the settings as alice's browser; returns the answer. */
async function save(fields: Record<string, string>): Promise<Response> {
  const alice = await signedIn(server(), server().alice);
  const csrf = await csrfIn(alice, "/settings");
  return await alice.post("/settings", { csrf, ...fields });
}

Deno.test("settings are kept in the owner's repo, and what else is there stays", async () => {
  await alices("settings").pushImage("v1");
  const pds = new PdsAccount(server().pds, server().alice);
  const before = await pds.record(PROFILE, "self");
  assert.ok(before);
  const hold = String(before.value["defaultHold"]);
  const answer = await save({
    hold,
    client: "podman",
    untagged: "yes",
    shortcuts: "",
  });
  assert.equal(answer.status, 303);
  assert.match(answer.headers.get("set-cookie") ?? "", /atcr_\w+=/);
  const after = await pds.record(PROFILE, "self");
  assert.deepEqual(validateRecord(PROFILE, after?.value), { valid: true });
  assert.equal(after?.value["defaultHold"], hold);
  assert.equal(after?.value["ociClient"], "podman");
  assert.equal(after?.value["autoRemoveUntagged"], true);
  assert.equal(after?.value["createdAt"], before.value["createdAt"]);
  const alice = await signedIn(server(), server().alice);
  const page = await (await alice.get("/settings")).text();
  assert.match(page, /name="untagged" value="yes" checked/);
  assert.match(page, /value="podman" selected|selected value="podman"/);
});

Deno.test("a hold that is none changes nothing, and the form keeps what was typed", async () => {
  const pds = new PdsAccount(server().pds, server().alice);
  const before = await pds.record(PROFILE, "self");
  const typed = `no hold "><script>`;
  for (const other of [typed, "nowhere.invalid"]) {
    const answer = await save({ hold: "other", other, client: "crane" });
    assert.equal(answer.status, 400, other);
    const page = await answer.text();
    assert.match(page, /role="alert"/);
    assert.doesNotMatch(page, /<script>/);
    assert.ok(
      page.includes(other.replaceAll('"', "&quot;").replaceAll("<", "&lt;")),
      page,
    );
  }
  const after = await pds.record(PROFILE, "self");
  assert.deepEqual(after, before);
});

Deno.test("nothing changes without the token of the form, nor for a stranger", async () => {
  const alice = await signedIn(server(), server().alice);
  for (
    const path of [
      "/settings",
      "/settings/storage/join",
      "/settings/storage/leave",
      "/settings/sessions/end-others",
    ]
  ) {
    const forged = await alice.post(path, { csrf: "wrong", hold: "" });
    assert.equal(forged.status, 403, path);
    await forged.body?.cancel();
  }
  const stranger = await fetch(`${server().origin}/settings`, {
    redirect: "manual",
  });
  assert.equal(stranger.status, 303);
  assert.match(
    stranger.headers.get("location") ?? "",
    /\/auth\/login\?return_to=%2Fsettings/,
  );
  await stranger.body?.cancel();
});

Deno.test("a member joins a crew, sees the storage, and leaves", async () => {
  const hold = `did:web:${server().host.replace(":", "%3A")}`;
  const bob = await signedIn(server(), server().bob);
  const csrf = await csrfIn(bob, "/settings/storage");
  const join = await bob.post("/settings/storage/join", {
    csrf,
    hold: server().host,
  });
  assert.equal(join.status, 303);
  const member = await (await bob.get("/settings/storage")).text();
  assert.match(member, /Leave the crew of/);
  assert.match(member, /You may pull and push/);
  assert.match(member, /used, without a limit/);
  const left = await bob.post("/settings/storage/leave", { csrf, hold });
  assert.equal(left.status, 303);
  const after = await (await bob.get("/settings/storage")).text();
  assert.doesNotMatch(after, /Leave the crew of/);
  const captain = await signedIn(server(), server().alice);
  const refused = await captain.post("/settings/storage/leave", {
    csrf: await csrfIn(captain, "/settings/storage"),
    hold,
  });
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /captain of this hold/);
});

Deno.test("a push that takes the last tag away deletes the image, and nothing that is named", async () => {
  assert.equal((await save({ hold: "", untagged: "yes" })).status, 303);
  const repository = alices("untagged");
  const there = async (digest: string) =>
    (await repository.send("GET", `manifests/${digest}`)).status === 200;
  const image = async () => {
    const layer = randomBlob(500);
    const config = textBlob(`{"os":"linux","architecture":"amd64"}`);
    await repository.pushBlob(layer);
    await repository.pushBlob(config);
    return imageManifest(config, [layer]);
  };
  const [plain, alias, child, signed, named] = await Promise.all([
    image(),
    image(),
    image(),
    image(),
    image(),
  ]);
  for (const each of [plain, alias, child, signed, named]) {
    expect(await repository.putManifest(each, "moving"), 201);
    // Whatever is there is moved away from by the next one, so it is named first.
    if (each === plain) {
      expect(await repository.putManifest(alias, "kept"), 201);
    }
    if (each === alias) {
      expect(
        await repository.putManifest(imageIndex([child.descriptor]), "index"),
        201,
      );
    }
    if (each === child) {
      await repository.pushEmptyJson();
      const signature = artifact("application/x.signature", signed.descriptor);
      expect(await repository.putManifest(signature), 201);
    }
    if (each === signed) {
      const tag = `${named.digest.replace(":", "-")}.sig`;
      expect(await repository.putManifest(await image(), tag), 201);
    }
  }
  await repository.pushImage("moving");
  await until(async () => !await there(plain.digest));
  const pds = new PdsAccount(server().pds, server().alice);
  const rkey = plain.digest.slice("sha256:".length);
  await until(async () =>
    await pds.record("io.atcr.manifest", rkey) === undefined
  );
  const last = await image();
  expect(await repository.putManifest(last, "last"), 201);
  await repository.pushImage("last");
  // Jobs run in the order of their queue: those of the others are done.
  await until(async () => !await there(last.digest));
  for (const [name, kept] of Object.entries({ alias, child, signed, named })) {
    assert.ok(await there(kept.digest), name);
  }
});
