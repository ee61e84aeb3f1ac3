import assert from "node:assert/strict";
import { KeyedMutex } from "../../async/keyed_mutex.ts";
import type { Did } from "../../did.ts";
import { digestOf } from "../../oci/digest.ts";
import { type StoredBlob, StoredBlobs } from "./stored_blobs.ts";

const ALICE: Did = "did:plc:alice";
const BOB: Did = "did:plc:bob";

function stored(name: string): StoredBlob {
  const digest = digestOf(new TextEncoder().encode(name));
  return { blob: { digest, size: 1 }, uploadId: name, publish() {} };
}

/** Records the committed groups; `answer` decides their results. */
function setUp(answer: (names: readonly string[]) => boolean = () => true) {
  const turns = new KeyedMutex();
  const groups: string[][] = [];
  const blobs = new StoredBlobs(turns, async (_user, group) => {
    const names = group.map(({ uploadId }) => uploadId);
    groups.push(names);
    await Promise.resolve();
    return answer(names);
  });
  return { turns, groups, blobs };
}

Deno.test("blobs of one user that wait for another change are committed together", async () => {
  const { turns, groups, blobs } = setUp();
  const gate = Promise.withResolvers<void>();
  const other = turns.run(ALICE, () => gate.promise);
  const pushed = ["a", "b", "c"].map((name) =>
    blobs.commit(ALICE, stored(name))
  );
  const elsewhere = blobs.commit(BOB, stored("d"));
  assert.equal(await elsewhere, true);
  gate.resolve();
  await other;
  assert.deepEqual(await Promise.all(pushed), [true, true, true]);
  assert.deepEqual(groups, [["d"], ["a", "b", "c"]]);
});

Deno.test("duplicate blobs, and more than fit into a commit, go into further groups", async () => {
  const { groups, blobs } = setUp();
  const names = Array.from({ length: 12 }, (_, i) => `blob ${i}`);
  const first = stored("blob 0");
  const pushed = [...names.map(stored), { ...first, uploadId: "again" }];
  await Promise.all(pushed.map((one) => blobs.commit(ALICE, one)));
  assert.deepEqual(groups, [
    names.slice(0, 9),
    [...names.slice(9), "again"],
  ]);
});

Deno.test("a blob whose check fails does not fail the others of its group", async () => {
  const { groups, blobs } = setUp((names) => !names.includes("bad"));
  const pushed = ["a", "bad", "c"].map((name) =>
    blobs.commit(ALICE, stored(name))
  );
  assert.deepEqual(await Promise.all(pushed), [true, false, true]);
  assert.deepEqual(groups, [["a", "bad", "c"], ["a"], ["bad"], ["c"]]);
});

Deno.test("an error of the store reaches all waiting callers, and later ones proceed", async () => {
  let fails = true;
  const { blobs } = setUp(() => {
    if (fails) throw new Error("disk");
    return true;
  });
  const pushed = ["a", "b"].map((name) => blobs.commit(ALICE, stored(name)));
  for (const one of pushed) await assert.rejects(one, /disk/);
  fails = false;
  assert.equal(await blobs.commit(ALICE, stored("c")), true);
});
