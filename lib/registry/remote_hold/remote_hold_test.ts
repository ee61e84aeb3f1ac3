/** Access to remote holds, events for them, and their errors. */

import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { PartMemory } from "../../async/part_memory.ts";
import { until } from "../../../tests/support/until.ts";
import { fakeFetch } from "../../net/testing_fetch.ts";
import { isAppError } from "../../errors.ts";
import { ALICE, BOB, CAPTAIN, HOLD, noise } from "../../hold/testing.ts";
import { RemoteTails } from "./remote_tails.ts";
import { RemoteHold } from "./remote_hold.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";
import {
  digest,
  openPair,
  openRemote,
  ORIGIN,
  push,
  TARGETS,
} from "./testing_remote.ts";

Deno.test("access decisions are those of the hold itself", async () => {
  for (const open of [true, false]) {
    for (const allowAllCrew of [true, false]) {
      await using pair = await openPair({ public: open, allowAllCrew });
      const { hold, server } = pair;
      const readers: Did[] = ["reader", "writer", "admin", "nothing"].map(
        (name): Did => `did:web:${name}.example.com`,
      );
      const [reader, writer, admin, nothing] = readers;
      const all: [Did | undefined, string[]][] = [
        [reader, ["blob:read"]],
        [writer, ["blob:write"]],
        [admin, ["crew:admin"]],
        [nothing, []],
      ];
      for (const [did, permissions] of all) {
        assert.ok(did);
        await server.crew.put(did, { role: "member", permissions });
      }
      for (const did of [undefined, CAPTAIN, ALICE, ...readers]) {
        const where = `public ${open} all ${allowAllCrew} ${did}`;
        const { access } = server;
        assert.equal(
          (await hold.mayRead(did)).allowed,
          (await access.read(did)).allowed,
          `read ${where}`,
        );
        if (did === undefined) continue;
        assert.equal(
          (await hold.mayWrite(did)).allowed,
          (await access.write(did)).allowed,
          `write ${where}`,
        );
      }
    }
  }
});

Deno.test("a writer joins the crew of a hold with allowAllCrew, and a refusal is not cached", async () => {
  await using pair = await openPair({ allowAllCrew: true });
  assert.equal((await pair.hold.mayWrite(BOB)).allowed, true);
  assert.ok(await pair.server.crew.find(BOB));
  await using closed = await openPair();
  const refused = await closed.hold.mayWrite(BOB);
  assert.ok(!refused.allowed);
  assert.match(refused.reason, /ask its captain did:plc:captain/);
  await closed.server.crew.put(BOB, {
    role: "member",
    permissions: ["blob:write"],
  });
  assert.equal((await closed.hold.mayWrite(BOB)).allowed, true);
});

Deno.test("pushes and pulls are reported to the hold", async () => {
  await using pair = await openPair({ allowAllCrew: true });
  const { hold, server } = pair;
  await hold.mayWrite(ALICE);
  const bytes = noise(10);
  const name = digest(bytes);
  await push(hold, ALICE, [bytes], name);
  const repository = "nested/app";
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  await hold.notifyManifest(ALICE, {
    repository,
    owner: ALICE,
    digest: digest(noise(5)),
    tag: "v1",
    manifest: {
      mediaType,
      layers: [{ digest: name, size: 10, mediaType: "x/y" }],
    },
  });
  const [layer] = await server.all("layer");
  assert.equal(layer?.value["digest"], name);
  const pull = { repository, owner: ALICE, digest: name, mediaType };
  hold.countPull(undefined, pull);
  hold.countPull(ALICE, pull);
  const counts = async () => {
    await server.stats.flush();
    return await server.stats.get({ owner: ALICE, repository });
  };
  await until(async () => (await counts())?.pullCount === 1, counts);
  assert.equal((await counts())?.pushCount, 1);
});

Deno.test("invalid responses are reported as the hold's errors", async () => {
  const xrpc = `${ORIGIN}/xrpc`;
  const { fetch } = fakeFetch({
    [`${xrpc}/com.atproto.repo.getRecord`]: { value: { owner: 5 } },
    [`${xrpc}/io.atcr.hold.initiateUpload`]: { id: "x" },
    [`${xrpc}/com.atproto.sync.getBlob`]: () =>
      new Response("x", { status: 200 }),
  });
  using remote = await openRemote(fetch);
  const { hold } = remote;
  const fault = (error: unknown) => isAppError(error, "UPSTREAM_FAILED");
  await assert.rejects(hold.mayRead(ALICE), fault);
  await assert.rejects(hold.startUpload(ALICE), fault);
  // A full response must not be mistaken for the range.
  await assert.rejects(
    hold.open(ALICE, digest(noise(2)), { start: 1, end: 1 }),
    fault,
  );
});

Deno.test("the message of a refusal contains no untrusted text of the hold", async () => {
  const owner = "did:web:x\nLogin Succeeded";
  const { fetch } = fakeFetch({
    [`${ORIGIN}/xrpc/com.atproto.repo.getRecord`]: {
      value: { owner, public: false },
    },
    [`${ORIGIN}/xrpc/com.atproto.repo.listRecords`]: { records: [] },
  });
  using remote = await openRemote(fetch);
  await assert.rejects(
    remote.hold.mayWrite(ALICE),
    (error) =>
      isAppError(error, "UPSTREAM_FAILED") && !error.message.includes("Login"),
  );
});

Deno.test("a session that has ended asks the user to log in again", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const hold = new RemoteHold({
    did: HOLD,
    origin: ORIGIN,
    fetch: () => Promise.reject(new Error("not asked")),
    targets: TARGETS,
    session: () => Promise.resolve(undefined),
    kv,
    clock,
    log: silentLogger,
    uploadTtlMs: 1,
    partMemory: new PartMemory({ clock }),
    tails: new RemoteTails({ kv, clock, ttlMs: 3_600_000 }),
  });
  await assert.rejects(
    hold.startUpload(ALICE),
    (error) => isAppError(error, "UNAUTHORIZED"),
  );
  kv.close();
});
