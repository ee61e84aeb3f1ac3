import assert from "node:assert/strict";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { removeStrays } from "../rebuild/strays.ts";
import { searchKeys } from "../search/kv_keys.ts";
import { OwnerNames } from "../search/owner_names.ts";
import { rowsBelow } from "../testing_rows.ts";
import { UNWATCHED } from "../testing_watch.ts";
import { PersonRebuild } from "./person_rebuild.ts";
import { MemoryRepo } from "./testing_repo.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const BOB: Did = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb";
const { signal } = new AbortController();

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const repo = new MemoryRepo(ALICE);
  repo.put("app.bsky.actor.profile", "self", {
    $type: "app.bsky.actor.profile",
    displayName: "Alice Liddell",
  });
  const owners = new OwnerNames(kv);
  const network = { isDown: false };
  const people = new PersonRebuild({
    ...{ kv, clock, pds: repo.reader, watch: UNWATCHED },
    identities: {
      resolve: (did) => {
        if (network.isDown) throw new AppError("UPSTREAM_FAILED", "Down.");
        if (did !== ALICE) throw new AppError("NAME_UNKNOWN", "Nobody.");
        const { pds } = repo;
        return Promise.resolve(
          identityOf(ALICE, { handle: "alice.example.com", pds }),
        );
      },
    },
    avatarUrl: () => undefined,
    onChanged: async (actor) => {
      await owners.setNames(actor.did, actor);
      await owners.restore(actor.did);
    },
  });
  const rows = () => rowsBelow(kv, ["index"]);
  return {
    ...{ kv, owners, people, network, rows },
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("who an owner is, and what finds it, is made again from the network", async () => {
  using rig = await open();
  const { kv, owners, people, rows } = rig;
  await people.run(ALICE, signal);
  assert.equal(await owners.byHandle("alice.example.com"), ALICE);
  assert.deepEqual(await owners.called("liddell", 5), [ALICE]);
  const before = await rows();
  for await (const { key } of kv.list({ prefix: ["index"] })) {
    const lost = kv.atomic().delete(key);
    await lost.commit();
    await people.run(ALICE, signal);
    assert.deepEqual(await rows(), before, key.join(" "));
  }
});

Deno.test("words of an owner that it does not have any more are removed", async () => {
  using rig = await open();
  const { kv, people, rows } = rig;
  await people.run(ALICE, signal);
  const before = await rows();
  await kv.set(searchKeys.ownerWord("former", ALICE), 1);
  await kv.set(searchKeys.ownerWord("alice", BOB), 1);
  assert.equal(await removeStrays(kv, signal), 2);
  assert.deepEqual(await rows(), before);
});

Deno.test("an owner keeps its name while its servers cannot be asked", async () => {
  using rig = await open();
  const { people, network, rows } = rig;
  await people.run(ALICE, signal);
  const before = await rows();
  network.isDown = true;
  await assert.rejects(
    people.run(ALICE, signal),
    (error) => isAppError(error, "UPSTREAM_FAILED"),
  );
  assert.deepEqual(await rows(), before);
});
