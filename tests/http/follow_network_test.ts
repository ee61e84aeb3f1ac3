/** What happens in the sandbox network arrives in the index, whatever happens to those that listen. */

import assert from "node:assert/strict";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { DenoKv } from "../../lib/kv/deno_kv.ts";
import type { JobRow } from "../../lib/kv/jobs/jobs.ts";
import { Follower } from "../support/follower.ts";
import { asOwner, PdsAccount } from "../support/pds.ts";
import {
  createAccount,
  deleteAccount,
  startTestSandbox,
  type TestSandbox,
} from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const STAR = "io.atcr.sailor.star";
const PROFILE = "app.bsky.actor.profile";
const HOUR = 3_600_000;

const starOf = (repository: string) => ({
  subject:
    `at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/io.atcr.repo.page/${repository}`,
  createdAt: "2026-01-01T00:00:00.000Z",
});

/** The clock of the machine, which tests may move forward. */
class MovedClock implements Clock {
  #ahead = 0;

  now(): number {
    return systemClock.now() + this.#ahead;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  advance(ms: number): void {
    this.#ahead += ms;
  }
}

/** A sandbox, and the store of all instances that follow it. */
class Setup implements AsyncDisposable {
  readonly clock = new MovedClock();
  readonly kv: DenoKv;

  private constructor(readonly sandbox: TestSandbox, kv: Deno.Kv) {
    this.kv = new DenoKv(kv, this.clock);
  }

  static async start(): Promise<Setup> {
    return new Setup(
      await startTestSandbox(),
      await Deno.openKv(":memory:"),
    );
  }

  follow(): Follower {
    return this.idle().start();
  }

  /** An instance that is not started. */
  idle(): Follower {
    return new Follower(this.sandbox, this.kv, this.clock);
  }

  get alice(): PdsAccount {
    return new PdsAccount(this.sandbox.pds, this.sandbox.alice);
  }

  get bob(): PdsAccount {
    return new PdsAccount(this.sandbox.pds, this.sandbox.bob);
  }

  /** Waits until the follower knows exactly these records of the two. */
  async settled(follower: Follower): Promise<void> {
    const wanted = new Map<string, string>();
    for (const account of [this.alice, this.bob]) {
      for (const collection of [STAR, PROFILE]) {
        for (const { uri, cid } of await account.records(collection)) {
          wanted.set(uri.slice("at://".length), cid);
        }
      }
    }
    const seen = async () => [...(await follower.records())].toSorted();
    await until(
      async () =>
        JSON.stringify(await seen()) ===
          JSON.stringify([...wanted].toSorted()),
      async () => `${JSON.stringify(await seen())}`,
    );
  }

  /** Number of accounts that are being listed or soon will be; those of next week do not count. */
  async listings(): Promise<number> {
    const soon = this.clock.now() + HOUR;
    const prefix = ["kv", "job"];
    const jobs = await Array.fromAsync(this.kv.list<JobRow>({ prefix }));
    return jobs.filter(({ key, value }) =>
      String(key[2]).startsWith("index.list/") && value.runAt < soon
    ).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kv.close();
    await this.sandbox[Symbol.asyncDispose]();
  }
}

Deno.test("a record written straight into a PDS arrives, and so do its changes and its end", async () => {
  await using setup = await Setup.start();
  const { alice } = setup;
  await alice.put(STAR, "before", starOf("before"));
  await using follower = setup.follow();
  await setup.settled(follower);
  await alice.put(STAR, "a", starOf("a"));
  await setup.settled(follower);
  await alice.put(STAR, "a", starOf("b"));
  await alice.put(PROFILE, "self", { displayName: "Alice" });
  await setup.settled(follower);
  await alice.delete(STAR, "a");
  await alice.put(PROFILE, "self", { displayName: "Alice B." });
  await alice.put("io.atcr.sailor.profile", "self", { any: "thing" });
  await setup.settled(follower);
  assert.match(
    await follower.metrics.text(),
    /atcr_network_stream_connected\{stream="index"\} 1/,
  );
});

Deno.test("a handle, a deactivation and a deletion of an account arrive", async () => {
  await using setup = await Setup.start();
  const { sandbox } = setup;
  const carol = await createAccount(sandbox, "carol.test");
  await using follower = setup.follow();
  await new PdsAccount(sandbox.pds, carol).put(STAR, "a", starOf("a"));
  await until(async () => (await follower.records()).size === 1);
  await asOwner(sandbox.pds, carol, "com.atproto.identity.updateHandle", {
    handle: "caroline.test",
  });
  await until(async () =>
    await follower.said("handle", carol.did) === "caroline.test"
  );
  await asOwner(sandbox.pds, carol, "com.atproto.server.deactivateAccount", {});
  await until(async () =>
    await follower.said("status", carol.did) === "deactivated"
  );
  await asOwner(sandbox.pds, carol, "com.atproto.server.activateAccount");
  await until(async () =>
    await follower.said("status", carol.did) === "active"
  );
  assert.equal((await follower.records()).size, 1);
  await deleteAccount(sandbox, carol.did);
  await until(async () =>
    await follower.said("status", carol.did) === "deleted" &&
    (await follower.records()).size === 0
  );
});

Deno.test("what happened while nobody listened arrives, after minutes by the stream and after days by listing", async () => {
  await using setup = await Setup.start();
  const { alice, bob, clock } = setup;
  {
    await using follower = setup.follow();
    await alice.put(STAR, "a", starOf("a"));
    await alice.put(STAR, "b", starOf("b"));
    await setup.settled(follower);
  }
  await alice.delete(STAR, "a");
  await alice.put(STAR, "c", starOf("c"));
  clock.advance(HOUR / 6);
  {
    await using follower = setup.follow();
    await setup.settled(follower);
  }
  await alice.delete(STAR, "b");
  await alice.put(STAR, "c", starOf("d"));
  await bob.put(STAR, "a", starOf("a"));
  clock.advance(40 * HOUR);
  await using follower = setup.follow();
  await setup.settled(follower);
  await bob.delete(STAR, "a");
  await setup.settled(follower);
});

Deno.test("of two instances one follows, and nothing is applied twice", async () => {
  await using setup = await Setup.start();
  const { alice } = setup;
  await using one = setup.follow();
  await using _two = setup.follow();
  // The first listing of an account may find what the stream reports as well.
  await alice.put(STAR, "first", starOf("first"));
  await setup.settled(one);
  await until(async () => await setup.listings() === 0);
  const before = await one.applied();
  for (let i = 0; i < 20; i++) await alice.put(STAR, `s${i}`, starOf(`s${i}`));
  await setup.settled(one);
  assert.equal(await one.applied() - before, 20);
});

Deno.test("an instance that is only woken now and then catches up", async () => {
  await using setup = await Setup.start();
  const { alice } = setup;
  await using follower = setup.idle();
  const { signal } = new AbortController();
  await alice.put(STAR, "old", starOf("a"));
  for (const name of ["a", "b"]) {
    await follower.streams.catchUp(signal, 20_000);
    await follower.work();
    await setup.settled(follower);
    await alice.put(STAR, name, starOf(name));
    await alice.delete(STAR, "old");
  }
  await follower.streams.catchUp(signal, 20_000);
  await setup.settled(follower);
});
