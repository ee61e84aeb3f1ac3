import assert from "node:assert/strict";
import {
  allEvents,
  create,
  openTestRepo,
  TEST_DID,
  testSigner,
} from "../../tests/support/repo.ts";
import { SyncVerifier } from "../../tests/support/sync_verifier.ts";
import { AppError } from "../errors.ts";
import type { Repo } from "./repo.ts";
import { DeactivatedError } from "./types.ts";
import type { RepoWrite } from "./writes.ts";
import { ManualClock } from "../testing_clock.ts";

const NOTE = "com.example.note";

async function verify(repo: Repo, didKey: string): Promise<SyncVerifier> {
  const verifier = new SyncVerifier(TEST_DID, didKey);
  for (const { frame } of await allEvents(repo)) await verifier.take(frame);
  return verifier;
}

Deno.test("a new repo begins with identity, account, an empty commit and sync", async () => {
  const { repo, kv, signer } = await openTestRepo();
  const verifier = new SyncVerifier(TEST_DID, signer.didKey);
  const types: string[] = [];
  for (const { frame } of await allEvents(repo)) {
    types.push(await verifier.take(frame));
  }
  assert.deepEqual(types, ["#identity", "#account", "#commit", "#sync"]);
  assert.equal(verifier.records.size, 0);
  kv.close();
});

Deno.test("a strict consumer follows creates, updates and deletes", async () => {
  const { repo, kv, signer } = await openTestRepo();
  await repo.apply([create("a"), create("b"), create("c")]);
  await repo.apply([
    { action: "update", collection: NOTE, rkey: "a", value: { text: "new" } },
    { action: "delete", collection: NOTE, rkey: "b" },
    { action: "put", collection: NOTE, rkey: "d", value: { text: "d" } },
  ]);
  const verifier = await verify(repo, signer.didKey);
  assert.deepEqual(
    [...verifier.records.keys()].sort(),
    [`${NOTE}/a`, `${NOTE}/c`, `${NOTE}/d`],
  );
  assert.equal(verifier.rev, (await repo.head()).rev);
  assert.deepEqual((await repo.getRecord(NOTE, "a"))?.value, {
    $type: NOTE,
    text: "new",
  });
  assert.equal(await repo.getRecord(NOTE, "b"), undefined);
  kv.close();
});

Deno.test("all writes of a batch happen or none", async () => {
  const { repo, kv } = await openTestRepo();
  await repo.apply([create("a")]);
  const before = await repo.head();
  await rejects(repo.apply([create("b"), create("a")]), "CONFLICT");
  assert.deepEqual(await repo.head(), before);
  assert.equal(await repo.getRecord(NOTE, "b"), undefined);
  kv.close();
});

Deno.test("a full batch of random paths is one commit", async () => {
  const { repo, kv, signer } = await openTestRepo();
  for (let i = 0; i < 3; i++) {
    await repo.apply(Array.from({ length: 200 }, (): RepoWrite => ({
      action: "create",
      collection: NOTE,
      rkey: crypto.randomUUID().repeat(2),
      value: { text: "x".repeat(300) },
    })));
  }
  const verifier = await verify(repo, signer.didKey);
  assert.equal(verifier.records.size, 600);
  assert.equal(verifier.commits, 4);
  kv.close();
});

Deno.test("a repeat with the same idempotency key gets the first result and changes nothing", async () => {
  const clock = new ManualClock();
  const { repo, kv } = await openTestRepo({ clock });
  const push: RepoWrite = { action: "create", collection: NOTE, value: {} };
  const first = await repo.apply([push], { idempotencyKey: "push 1" });
  const [again, other] = await Promise.all([
    repo.apply([push], { idempotencyKey: "push 1" }),
    repo.apply([push], { idempotencyKey: "push 2" }),
  ]);
  assert.deepEqual(again, first);
  assert.notEqual(other.rev, first.rev);
  assert.equal((await repo.listRecords(NOTE)).records.length, 2);
  clock.advance(24 * 3_600_000);
  await repo.apply([push], { idempotencyKey: "push 1" });
  assert.equal((await repo.listRecords(NOTE)).records.length, 3);
  kv.close();
});

Deno.test("a stored request that changed nothing does nothing later either", async () => {
  const { repo, kv } = await openTestRepo();
  const remove: RepoWrite = { action: "delete", collection: NOTE, rkey: "a" };
  await repo.apply([remove], { idempotencyKey: "remove" });
  await repo.apply([create("a")]);
  await repo.apply([remove], { idempotencyKey: "remove" });
  assert.ok(await repo.getRecord(NOTE, "a"));
  kv.close();
});

Deno.test("writes that change nothing make no commit", async () => {
  const { repo, kv } = await openTestRepo();
  await repo.apply([create("a")]);
  const before = await repo.head();
  const { results, cid } = await repo.apply([
    { action: "put", collection: NOTE, rkey: "a", value: { text: "a" } },
    { action: "delete", collection: NOTE, rkey: "b" },
  ]);
  assert.deepEqual(results.map(({ action }) => action), ["none", "none"]);
  assert.equal(cid, before.cid);
  assert.deepEqual(await repo.head(), before);
  kv.close();
});

Deno.test("a swap that does not match changes nothing", async () => {
  const { repo, kv } = await openTestRepo();
  await repo.apply([create("a")]);
  const { cid: head } = await repo.head();
  const cid = (await repo.getRecord(NOTE, "a"))?.cid ?? "";
  const put = (swapRecord: string | null): RepoWrite => ({
    action: "put",
    collection: NOTE,
    rkey: "a",
    value: { text: "new" },
    swapRecord,
  });
  await rejects(repo.apply([put(null)]), "CONFLICT");
  await rejects(repo.apply([put(head)]), "CONFLICT");
  await rejects(repo.apply([put(cid)], { swapCommit: cid }), "CONFLICT");
  assert.equal((await repo.head()).cid, head);
  await repo.apply([put(cid)], { swapCommit: head });
  assert.equal((await repo.getRecord(NOTE, "a"))?.value.text, "new");
  kv.close();
});

Deno.test("bad names, data and batches are refused with a sentence, and nothing is stored", async () => {
  const { repo, kv } = await openTestRepo({
    validator: {
      assertRecord: (_collection, _rkey, { text }) => {
        if (text === "bad") throw new AppError("INVALID_REQUEST", "bad text");
      },
    },
  });
  const before = await repo.head();
  const put = (over: Record<string, unknown>): RepoWrite => ({
    action: "put",
    collection: NOTE,
    rkey: "a",
    value: {},
    ...over,
  });
  const deep = JSON.parse(`${'{"a":'.repeat(70)}1${"}".repeat(70)}`);
  const cid = before.cid;
  const cases: RepoWrite[][] = [
    [put({ collection: "notes" })],
    [put({ collection: "com.example" })],
    [put({ collection: "com.example.note/x" })],
    [put({ rkey: "." })],
    [put({ rkey: ".." })],
    [put({ rkey: "" })],
    [put({ rkey: "a/b" })],
    [put({ rkey: "x".repeat(513) })],
    [put({ rkey: "ü" })],
    [put({ value: { text: "bad" } })],
    [put({ value: { $type: "com.example.other" } })],
    [put({ value: { n: 1.5 } })],
    [put({ value: { n: 2 ** 53 } })],
    [put({ value: { n: NaN } })],
    [put({ value: { n: 1n } })],
    [put({ value: { at: new Date() } })],
    [put({ value: { text: "\ud800" } })],
    [put({ value: { list: [undefined] } })],
    [put({ value: { link: { $link: "nonsense" } } })],
    [put({ value: { link: { $link: cid, more: 1 } } })],
    [put({ value: { data: { $bytes: "%%%" } } })],
    [put({ value: deep })],
    [put({ value: JSON.parse('{"__proto__":1}') })],
    [put({ value: { a: { "/": 1, "": 2 } } })],
    [put({}), put({})],
    Array.from({ length: 201 }, (_, i) => put({ rkey: `k${i}` })),
  ];
  for (const writes of cases) {
    const { message } = await rejects(repo.apply(writes), "INVALID_REQUEST");
    assert.ok(message.length > 3 && message.length < 400, message);
  }
  await rejects(
    repo.apply([put({ value: { text: "x".repeat(60_000) } })]),
    "TOO_LARGE",
  );
  await rejects(
    repo.apply([
      { action: "update", collection: NOTE, rkey: "none", value: {} },
    ]),
    "CONFLICT",
  );
  assert.deepEqual(await repo.head(), before);
  kv.close();
});

Deno.test("a batch too large for the store is refused entirely, or split where that is allowed", async () => {
  const { repo, kv, signer } = await openTestRepo();
  const writes = Array.from({ length: 250 }, (_, i): RepoWrite => ({
    action: "create",
    collection: NOTE,
    rkey: `large${i}`,
    value: { text: `${i}`.repeat(5000) },
  }));
  await rejects(repo.apply(writes.slice(0, 200)), "TOO_LARGE");
  assert.deepEqual(await repo.collections(), []);
  const commits = await repo.applyAll(writes);
  assert.ok(commits.length > 2);
  assert.equal(commits.flatMap(({ results }) => results).length, 250);
  assert.equal((await verify(repo, signer.didKey)).records.size, 250);
  kv.close();
});

Deno.test("records come back as the JSON they were", async () => {
  const { repo, kv } = await openTestRepo();
  const { cid } = await repo.head();
  const value = {
    $type: NOTE,
    text: "Grüße 👋",
    empty: "",
    list: [1, -2, null, true, { a: {} }, []],
    link: { $link: cid },
    data: { $bytes: "AAEC" },
    big: Number.MAX_SAFE_INTEGER,
    ["__proto__x"]: 1,
  };
  await repo.apply([{ action: "create", collection: NOTE, rkey: "a", value }]);
  assert.deepEqual((await repo.getRecord(NOTE, "a"))?.value, value);
  kv.close();
});

Deno.test("pages of a collection have no gap in either direction", async () => {
  const { repo, kv } = await openTestRepo();
  await repo.apply(Array.from({ length: 25 }, (_, i) => create(`k${i}`)));
  await repo.apply([
    { action: "put", collection: `${NOTE}.other`, rkey: "k3", value: {} },
  ]);
  assert.deepEqual(await repo.collections(), [NOTE, `${NOTE}.other`]);
  const sorted = Array.from({ length: 25 }, (_, i) => `k${i}`).sort();
  for (const reverse of [false, true]) {
    const keys: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await repo.listRecords(NOTE, {
        limit: 5,
        reverse,
        ...(cursor === undefined ? {} : { cursor }),
      });
      assert.equal(page.records.length, 5);
      keys.push(...page.records.map(({ rkey }) => rkey));
      cursor = page.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(keys, reverse ? sorted : sorted.toReversed());
  }
  await rejects(repo.listRecords(NOTE, { cursor: "a/b" }), "INVALID_REQUEST");
  kv.close();
});

Deno.test("two instances write one repo without losing a commit", async () => {
  const one = await openTestRepo();
  const two = await openTestRepo({ kv: one.kv });
  const jobs = Array.from(
    { length: 60 },
    (_, i) => (i % 2 === 0 ? one : two).repo.apply([create(`k${i}`)]),
  );
  const revs = (await Promise.all(jobs)).map(({ rev }) => rev);
  assert.equal(new Set(revs).size, 60);
  const verifier = await verify(one.repo, one.signer.didKey);
  assert.equal(verifier.records.size, 60);
  assert.equal(verifier.commits, 61);
  one.kv.close();
});

Deno.test("the revision increases even when the clock goes back", async () => {
  const clock = new ManualClock();
  const { repo, kv, signer } = await openTestRepo({ clock });
  await repo.apply([create("a")]);
  clock.advance(-3_600_000);
  const later = await openTestRepo({ clock, kv });
  await later.repo.apply([create("b")]);
  await verify(repo, signer.didKey);
  kv.close();
});

Deno.test("a new key or handle is announced, and the repo signed with the new key", async () => {
  const { kv, signer, repo } = await openTestRepo();
  await repo.apply([create("a")]);
  const before = await allEvents(repo);
  const next = await testSigner(2);
  const moved = await openTestRepo({
    kv,
    signer: next,
    handle: "new.example.com",
  });
  const verifier = new SyncVerifier(TEST_DID, signer.didKey);
  const events = await allEvents(moved.repo);
  const types: string[] = [];
  for (const [i, { frame }] of events.entries()) {
    if (i === before.length) verifier.trust(next.didKey);
    types.push(await verifier.take(frame));
  }
  assert.deepEqual(types.slice(before.length), ["#identity", "#commit"]);
  const again = await openTestRepo({
    kv,
    signer: next,
    handle: "new.example.com",
  });
  assert.equal((await allEvents(again.repo)).length, events.length);
  kv.close();
});

Deno.test("a deactivated account accepts no writes until it is reactivated", async () => {
  const { repo, kv, signer } = await openTestRepo();
  await repo.apply([create("a")]);
  const { rev, cid } = await repo.head();
  await repo.setActive(false);
  await repo.setActive(false);
  assert.equal((await repo.head()).active, false);
  await assert.rejects(repo.apply([create("b")]), DeactivatedError);
  // Writes without effect need no commit.
  await repo.apply([{ action: "delete", collection: NOTE, rkey: "none" }]);
  // A new key, found at a start, waits too.
  const other = await testSigner(7);
  const later = await openTestRepo({ kv, signer: other });
  assert.equal((await later.repo.head()).rev, rev);
  await later.repo.setActive(true);
  await later.repo.apply([create("c")]);
  const verifier = new SyncVerifier(TEST_DID, signer.didKey);
  const types: string[] = [];
  for (const { frame } of await allEvents(repo)) {
    if (types.length === 9) {
      assert.equal(verifier.commit, cid);
      verifier.trust(other.didKey);
    }
    types.push(await verifier.take(frame));
  }
  assert.deepEqual(types.slice(4), [
    "#commit",
    "#account",
    "#identity",
    "#account",
    "#identity",
    "#sync",
    "#commit",
    "#commit",
  ]);
  assert.deepEqual([...verifier.records.keys()], [`${NOTE}/a`, `${NOTE}/c`]);
  kv.close();
});

Deno.test("the log keeps as many events as configured, and the repo works without the others", async () => {
  const clock = new ManualClock();
  const { repo, kv, signer } = await openTestRepo({
    clock,
    retention: { maxAgeMs: 3_600_000, maxEvents: 10 },
  });
  await repo.apply(Array.from({ length: 200 }, (_, i): RepoWrite => ({
    action: "create",
    collection: NOTE,
    rkey: `wide${i}`,
    value: { text: "x".repeat(500) },
  })));
  for (let i = 0; i < 20; i++) await repo.apply([create(`k${i}`)]);
  const verifier = await verify(repo, signer.didKey);
  await repo.log.sweep();
  const kept = await allEvents(repo);
  assert.equal(kept.length, 10);
  const { after, latest, cut } = await repo.log.window();
  assert.equal(kept[0]?.seq, after + 1);
  assert.equal(kept.at(-1)?.seq, latest);
  assert.ok(cut);
  clock.advance(3_600_001);
  await repo.log.sweep();
  assert.deepEqual(await allEvents(repo), []);
  await repo.apply([create("last")]);
  for (const { frame } of await allEvents(repo)) await verifier.take(frame);
  kv.close();
});

async function rejects(
  promise: Promise<unknown>,
  code: string,
): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    return error;
  }
  throw new assert.AssertionError({ message: "it did not throw" });
}
