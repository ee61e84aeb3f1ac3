import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import {
  MAX_WRITES,
  type PdsSession,
  type RepoWrite,
} from "../../atproto/pds/pds.ts";
import { AppError, isAppError } from "../../errors.ts";
import { OwnerCommits } from "./owner_commits.ts";
import { ManualClock } from "../../testing_clock.ts";
import { systemClock } from "../../clock.ts";

const write = (rkey: string): RepoWrite => ({
  action: "create",
  collection: "io.atcr.tag",
  rkey,
  value: {},
});

/** A session that records its commits; a write with the key `bad` is refused. */
function session(did: Did = "did:plc:alicealicealicealiceal22") {
  const commits: string[][] = [];
  const unused = () => Promise.reject(new Error("not used"));
  const fake: PdsSession = {
    did,
    pds: "https://pds.example",
    applyWrites: async (writes) => {
      await Promise.resolve();
      const rkeys = writes.map(({ rkey }) => rkey);
      if (rkeys.includes("bad")) throw new AppError("CONFLICT", "It is there.");
      commits.push(rkeys);
      return rkeys.map((rkey) => rkey === "gone" ? undefined : `cid ${rkey}`);
    },
    putRecord: unused,
    deleteRecord: unused,
    uploadBlob: unused,
    serviceToken: unused,
  };
  return { fake, commits };
}

Deno.test("writes that arrive during a commit are combined in the next", async () => {
  const { fake, commits } = session();
  const owner = new OwnerCommits(systemClock);
  await Promise.all(
    ["a", "b", "c", "d"].map((rkey) => owner.commit(fake, [write(rkey)])),
  );
  assert.deepEqual(commits, [["a"], ["b", "c", "d"]]);
});

Deno.test("sessions at different PDSes share no commit", async () => {
  const { fake, commits } = session();
  const moved = session();
  const there = { ...moved.fake, pds: "https://new.example" };
  const owner = new OwnerCommits(systemClock);
  await Promise.all([
    owner.commit(fake, [write("a")]),
    owner.commit(fake, [write("b")]),
    owner.commit(there, [write("c")]),
    owner.commit(there, [write("d")]),
  ]);
  assert.deepEqual(commits, [["a"], ["b"]]);
  assert.deepEqual(moved.commits, [["c", "d"]]);
});

Deno.test("a refused write does not fail the others of its commit", async () => {
  const { fake, commits } = session();
  const owner = new OwnerCommits(systemClock);
  const results = await Promise.allSettled(
    ["a", "b", "bad", "c"].map((rkey) => owner.commit(fake, [write(rkey)])),
  );
  assert.deepEqual(results.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
  ]);
  const [, , refused] = results;
  assert.ok(
    refused?.status === "rejected" && isAppError(refused.reason, "CONFLICT"),
  );
  assert.deepEqual(commits.flat().sort(), ["a", "b", "c"]);
});

Deno.test("writes whose response was lost are not retried one by one", async () => {
  const { fake } = session();
  const tries: number[] = [];
  // The first commit is done, the response to the second is lost, then the PDS refuses.
  fake.applyWrites = (writes) => {
    tries.push(writes.length);
    if (tries.length === 1) return Promise.resolve([]);
    return Promise.reject(
      tries.length === 2
        ? new AppError("UNAVAILABLE", "It is gone.")
        : new AppError("TOOMANYREQUESTS", "Later."),
    );
  };
  const owner = new OwnerCommits(new ManualClock());
  const results = await Promise.allSettled(
    ["a", "b", "c"].map((rkey) => owner.commit(fake, [write(rkey)])),
  );
  assert.deepEqual(tries, [1, 2]);
  for (const result of results.slice(1)) {
    assert.ok(
      result.status === "rejected" && isAppError(result.reason, "UNAVAILABLE"),
    );
  }
});

Deno.test("no commit has more writes than a PDS accepts, and none is split", async () => {
  const { fake, commits } = session();
  const owner = new OwnerCommits(systemClock);
  const group = (name: string) =>
    Array.from({ length: 90 }, (_, i) => write(`${name}${i}`));
  await Promise.all(
    ["a", "b", "c", "d"].map((name) => owner.commit(fake, group(name))),
  );
  assert.deepEqual(commits.map((rkeys) => rkeys.length), [90, 180, 90]);
  assert.ok(commits.every((rkeys) => rkeys.length <= MAX_WRITES));
});

Deno.test("owners do not wait for each other, and an empty queue starts again", async () => {
  const alice = session();
  const bob = session("did:plc:bobbobbobbobbobbobbobbo2");
  const owner = new OwnerCommits(systemClock);
  await Promise.all([
    owner.commit(alice.fake, [write("a")]),
    owner.commit(bob.fake, [write("b")]),
  ]);
  await owner.commit(alice.fake, [write("c")]);
  assert.deepEqual(alice.commits, [["a"], ["c"]]);
  assert.deepEqual(bob.commits, [["b"]]);
});

Deno.test("a commit waits for writes that are being prepared, but not for ever", async () => {
  const { fake, commits } = session();
  const clock = new ManualClock();
  const owner = new OwnerCommits(clock);
  const soon = Promise.withResolvers<RepoWrite[]>();
  const late = Promise.withResolvers<RepoWrite[]>();
  const first = [
    owner.commit(fake, soon.promise),
    owner.commit(fake, [write("a")]),
  ];
  soon.resolve([write("soon")]);
  await Promise.all(first);
  assert.deepEqual(commits, [["a", "soon"]]);
  const second = [
    owner.commit(fake, late.promise),
    owner.commit(fake, [write("b")]),
  ];
  clock.advance(60_000);
  await second[1];
  assert.deepEqual(commits.slice(1), [["b"]]);
  late.resolve([write("late")]);
  await second[0];
  assert.deepEqual(commits.slice(2), [["late"]]);
});

Deno.test("writes that cannot be prepared fail and do not delay others", async () => {
  const { fake, commits } = session();
  const owner = new OwnerCommits(systemClock);
  const results = await Promise.allSettled([
    owner.commit(fake, Promise.reject(new AppError("TOO_LARGE", "Too much."))),
    owner.commit(fake, [write("a")]),
  ]);
  assert.deepEqual(results.map(({ status }) => status), [
    "rejected",
    "fulfilled",
  ]);
  assert.deepEqual(commits, [["a"]]);
});

Deno.test("each of combined writes gets the CIDs of its own records", async () => {
  const { fake } = session();
  const owner = new OwnerCommits(systemClock);
  const made = await Promise.all([
    owner.commit(fake, [write("first")]),
    owner.commit(fake, [write("a"), write("gone")]),
    owner.commit(fake, [write("b")]),
  ]);
  assert.deepEqual(
    made.map((records) => records.map(({ rkey, cid }) => [rkey, cid])),
    [[["first", "cid first"]], [["a", "cid a"]], [["b", "cid b"]]],
  );
});
