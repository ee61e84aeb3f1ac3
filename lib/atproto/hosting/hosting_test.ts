import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Identity } from "../identity/identity.ts";
import { Hosting } from "./hosting.ts";
import type { RepoStatus } from "./repo_status.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import type { Kv } from "../../kv/kv.ts";
import { openKv } from "../../kv/open_kv.ts";
import { settle } from "../../kv/testing.ts";
import { identityOf } from "../identity/testing_identity.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const OLD = "https://old.example";
const NEW = "https://new.example";
const RECHECK = 60_000;

interface Rig {
  kv: Kv;
  hosting: Hosting;
  /** Another process on the same store. */
  other: Hosting;
  clock: ManualClock;
  /** Responses of the PDSes; without an entry a PDS is down. */
  answers: Map<string, RepoStatus>;
  asked: string[];
  /** The PDS of the account, cached and current; undefined when the DID is gone. */
  document: { cached: string | undefined; current: string | undefined };
  owner: Identity;
}

async function withHosting(use: (rig: Rig) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const answers = new Map<string, RepoStatus>([[OLD, "active"]]);
  const asked: string[] = [];
  const document: Rig["document"] = { cached: OLD, current: OLD };
  const identityAt = (
    pds: string | undefined,
  ): Identity => identityOf(ALICE, { handle: "alice.example.com", pds });
  const make = () =>
    new Hosting({
      kv,
      clock,
      log: silentLogger,
      recheckMs: RECHECK,
      identities: {
        resolve: (_, options) => {
          const pds = options?.fresh ? document.current : document.cached;
          return pds === undefined
            ? Promise.reject(new AppError("NAME_UNKNOWN", "Gone."))
            : Promise.resolve(identityAt(pds));
        },
      },
      statuses: {
        read: async (pds) => {
          asked.push(pds);
          await Promise.resolve();
          const status = answers.get(pds);
          if (status) return status;
          throw new AppError("UNAVAILABLE", "Not reached.");
        },
      },
    });
  try {
    await use({
      kv,
      hosting: make(),
      other: make(),
      clock,
      answers,
      asked,
      document,
      owner: identityAt(OLD),
    });
  } finally {
    kv.close();
  }
}

async function refuses({ hosting, owner }: Rig, why: RegExp): Promise<void> {
  await assert.rejects(hosting.require(owner), (error) => {
    assert(isAppError(error, "NAME_UNKNOWN"), String(error));
    assert.match(error.message, why);
    return true;
  });
}

/** Makes the rig cache the status of its PDS. */
async function learn(rig: Rig): Promise<void> {
  await rig.hosting.require(rig.owner).catch(() => {});
  rig.clock.advance(RECHECK);
  await rig.hosting.require(rig.owner).catch(() => {});
  await settle(rig.kv);
}

Deno.test("an active account is rechecked in the background, once per interval", () =>
  withHosting(async (rig) => {
    const { hosting, owner, clock, asked } = rig;
    for (let i = 0; i < 100; i++) await hosting.require(owner);
    await settle(rig.kv);
    assert.equal(asked.length, 0);
    clock.advance(RECHECK);
    for (let i = 0; i < 100; i++) await hosting.require(owner);
    await settle(rig.kv);
    await hosting.require(owner);
    assert.deepEqual(asked, [OLD]);
  }));

for (
  const [status, word] of [
    ["deactivated", /alice\.example\.com is deactivated at its PDS old\.ex/],
    ["suspended", /suspended/],
    ["takendown", /taken down/],
    ["deleted", /deleted/],
    ["inactive", /inactive/],
  ] as const
) {
  Deno.test(`an account that is ${status} is refused in every process, and served when it is active again`, () =>
    withHosting(async (rig) => {
      const { hosting, other, owner, clock, answers } = rig;
      answers.set(OLD, status);
      await learn(rig);
      await refuses(rig, word);
      assert.equal(await hosting.isShown(ALICE), false);
      await refuses({ ...rig, hosting: other }, word);
      answers.set(OLD, "active");
      clock.advance(RECHECK);
      // Rechecked before it is refused again.
      await hosting.require(owner);
      assert.equal(await hosting.isShown(ALICE), true);
      clock.advance(15_000);
      await other.require(owner);
    }));
}

Deno.test("an unreachable PDS changes nothing, and is not queried at every request", () =>
  withHosting(async (rig) => {
    const { hosting, owner, clock, answers, asked } = rig;
    answers.delete(OLD);
    await learn(rig);
    for (let i = 0; i < 10; i++) await hosting.require(owner);
    await settle(rig.kv);
    assert.equal(asked.length, 1);

    answers.set(OLD, "takendown");
    clock.advance(RECHECK);
    await hosting.require(owner);
    await settle(rig.kv);
    answers.delete(OLD);
    clock.advance(RECHECK);
    for (let i = 0; i < 10; i++) await refuses(rig, /taken down/);
    assert.equal(asked.length, 3);
  }));

Deno.test("the status from a PDS that the account has left is ignored", () =>
  withHosting(async (rig) => {
    const { hosting, owner, answers, document, asked } = rig;
    answers.set(OLD, "deactivated");
    answers.set(NEW, "active");
    document.current = NEW;
    await learn(rig);
    await hosting.require(owner);
    assert.deepEqual(asked, [OLD, NEW]);
    assert.equal((await hosting.find(owner))?.pds, NEW);
    assert.equal(await hosting.isAt(owner), false);
    assert.equal(await hosting.isAt({ ...owner, pds: NEW }), true);
  }));

Deno.test("a DID that its directory no longer knows is not served", () =>
  withHosting(async (rig) => {
    rig.document.cached = rig.document.current = undefined;
    await learn(rig);
    await refuses(rig, /its content is not served/);
  }));

Deno.test("a refusal by the PDS is explained by the status of the account", () =>
  withHosting(async (rig) => {
    const { hosting, owner, answers, clock } = rig;
    assert.equal(await hosting.find(owner), undefined);
    clock.advance(5_000);
    answers.set(OLD, "suspended");
    await assert.rejects(hosting.find(owner), /suspended/);
    assert.equal(await hosting.isAt(owner), false);
  }));

Deno.test("a write that the PDS accepts makes the account active at once", () =>
  withHosting(async (rig) => {
    const { hosting, owner, answers } = rig;
    answers.set(OLD, "deactivated");
    await learn(rig);
    await refuses(rig, /deactivated/);
    await hosting.written(ALICE);
    await hosting.require(owner);
  }));

Deno.test("a network event about a cached account queries its PDS at once", () =>
  withHosting(async (rig) => {
    const { hosting, owner, answers, asked, document } = rig;
    await hosting.noticed(ALICE);
    await settle(rig.kv);
    assert.deepEqual(asked, [], "an account that nobody asked for");
    await hosting.require(owner);
    answers.set(NEW, "takendown");
    document.current = NEW;
    await hosting.noticed(ALICE);
    await settle(rig.kv);
    assert.deepEqual(asked, [NEW]);
    await refuses(rig, /taken down at its PDS new\.example/);
  }));

Deno.test("a clock that was set back does not keep an account refused", () =>
  withHosting(async (rig) => {
    const { hosting, owner, answers, clock } = rig;
    answers.set(OLD, "deactivated");
    await learn(rig);
    answers.set(OLD, "active");
    clock.advance(-3_600_000);
    await hosting.require(owner);
  }));
