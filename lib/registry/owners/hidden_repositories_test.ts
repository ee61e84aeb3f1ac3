import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Caller, HoldClient } from "../../hold_api/hold_client.ts";
import { settle } from "../../kv/testing.ts";
import { ManualClock } from "../../testing_clock.ts";
import { registryKeys } from "../kv_keys.ts";
import { RepositoryList } from "../lists/repository_list.ts";
import { HiddenRepositories } from "./hidden_repositories.ts";
import { openKv } from "../../kv/open_kv.ts";

const ALICE: Did = "did:plc:alicealicealicealiceal22";
const BOB: Did = "did:plc:bobbobbobbobbobbobbobbo2";
const PUBLIC: Did = "did:web:public.example";
const PRIVATE: Did = "did:web:private.example";
const DEAD: Did = "did:web:dead.example";
const HANGING: Did = "did:web:hanging.example";

const TIMEOUT_MS = 10_000;

/** An owner that pushes to the first of `has` and has a repository in each of them. */
async function start(has: readonly Did[]) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  for (const [i, holdDid] of has.entries()) {
    const key = registryKeys.repository(ALICE, `r${i}`);
    await kv.set(key, { holdDid, updatedAt: 0 });
  }
  const mayRead = async (did: Did, caller: Caller) => {
    if (did === HANGING) await clock.sleep(TIMEOUT_MS);
    if (did === DEAD || did === HANGING) {
      throw new AppError("UPSTREAM_TIMEOUT", `${did} does not respond.`);
    }
    return did.startsWith(PUBLIC) || caller === ALICE
      ? { allowed: true } as const
      : { allowed: false, reason: "It is private." } as const;
  };
  const hidden = new HiddenRepositories({
    clock,
    holds: {
      get: (did) => {
        const hold: Partial<HoldClient> = {
          did,
          mayRead: (caller) => mayRead(did, caller),
        };
        return Promise.resolve(hold as HoldClient);
      },
    },
    repositories: new RepositoryList(kv),
    owners: { knownHold: () => Promise.resolve(has[0] ?? PUBLIC) },
  });
  /** What a caller learns, and after how many seconds. */
  const after = async (work: Promise<void>) => {
    let answer: string | undefined;
    work.then(() => answer = "nothing", (error) => {
      assert.ok(error instanceof AppError);
      answer = `${error.code} ${error.message}`;
    });
    for (let s = 0; s <= 60; s++) {
      await settle(kv);
      if (answer !== undefined) return { answer, seconds: s };
      clock.advance(1_000);
    }
    throw new Error("no answer");
  };
  return {
    hidden,
    missing: (caller: Caller) => after(hidden.requireNoneHidden(ALICE, caller)),
    existing: (hold: Did, caller: Caller) =>
      after(hidden.requireRead(ALICE, hold, caller)),
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("an owner hides missing repositories when pushes go to a private hold or any repository is in one", async () => {
  for (
    const [has, code] of [
      [[], "nothing"],
      [[PUBLIC, PUBLIC], "nothing"],
      [[PRIVATE], "UNAUTHORIZED"],
      [[PUBLIC, PRIVATE], "UNAUTHORIZED"],
      [[DEAD, PUBLIC], "UNAVAILABLE"],
      [[DEAD, PUBLIC, PRIVATE], "UNAUTHORIZED"],
    ] as const
  ) {
    using t = await start(has);
    const { answer } = await t.missing(undefined);
    assert.equal(answer.split(" ")[0], code, has.join());
    // The owner pushes to new repositories, whatever happens to the others.
    assert.equal((await t.missing(ALICE)).answer, "nothing", has.join());
  }
});

Deno.test("a refusal says the same of every repository of an owner and of missing ones, after the same time", async () => {
  for (
    const has of [
      [PRIVATE],
      [DEAD],
      [HANGING],
      [DEAD, PUBLIC],
      [DEAD, HANGING],
      [PRIVATE, DEAD],
      [PRIVATE, HANGING],
      [PUBLIC, PRIVATE, HANGING, DEAD],
    ]
  ) {
    using t = await start(has);
    for (const caller of [undefined, BOB]) {
      const missing = await t.missing(caller);
      for (const hold of has) {
        if (hold === PUBLIC) continue;
        const existing = await t.existing(hold, caller);
        assert.equal(existing.answer, missing.answer, `${has} ${hold}`);
        const later = existing.seconds - missing.seconds;
        assert.ok(later >= 0 && later <= 1, `${has} ${hold} ${later} s`);
      }
    }
  }
});

Deno.test("a repository in a public hold is read at once, whatever the other holds do", async () => {
  using t = await start([HANGING, PRIVATE, PUBLIC]);
  assert.deepEqual(await t.existing(PUBLIC, BOB), {
    answer: "nothing",
    seconds: 0,
  });
});

Deno.test("owners learn which of their holds does not respond", async () => {
  using t = await start([DEAD, PUBLIC]);
  await assert.rejects(
    t.hidden.requireRead(ALICE, DEAD, ALICE),
    (error) =>
      isAppError(error, "UPSTREAM_TIMEOUT") && error.message.includes(DEAD),
  );
});

Deno.test("an owner with more repositories or holds than are queried hides missing ones", async () => {
  const repositories = (count: number) => Array<Did>(count).fill(PUBLIC);
  const holds = (count: number) =>
    Array.from({ length: count }, (_, i): Did => `${PUBLIC}${i}`);
  for (
    const [has, answer] of [
      [repositories(1_000), "nothing"],
      [repositories(1_001), "UNAUTHORIZED"],
      [[...holds(16), ...holds(16)], "nothing"],
      [holds(17), "UNAUTHORIZED"],
      [[...holds(17), DEAD], "UNAUTHORIZED"],
    ] as const
  ) {
    using t = await start(has);
    const missing = await t.missing(undefined);
    assert.equal(missing.answer.split(" ")[0], answer);
    assert.equal((await t.missing(ALICE)).answer, "nothing");
    if (answer === "nothing") continue;
    for (const hold of [PRIVATE, DEAD]) {
      const existing = await t.existing(hold, undefined);
      assert.equal(existing.answer, missing.answer);
    }
  }
});
