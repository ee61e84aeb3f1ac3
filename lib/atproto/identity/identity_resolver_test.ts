import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { DidClaims } from "../did_document.ts";
import { CachedIdentityResolver } from "./identity_resolver.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";

const alice: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const bob: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const TTL = 3_600_000;
const STALE = 168 * TTL;
const NEGATIVE = 60_000;

const claimsOf = (did: Did, handle?: string): DidClaims => ({
  did,
  handle,
  pds: "https://pds.example.com",
  signingKey: "did:key:zQ3sh",
  services: {},
});

/** A resolver over a network that a test can change. */
async function withResolver(
  use: (rig: {
    resolver: CachedIdentityResolver;
    other: CachedIdentityResolver;
    clock: ManualClock;
    documents: Map<string, DidClaims>;
    handles: Map<string, Did>;
    calls: { did: number; handle: number };
    network: { down: boolean; gate: Promise<void> };
  }) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const documents = new Map([[
    alice as string,
    claimsOf(alice, "alice.example.com"),
  ]]);
  const handles = new Map<string, Did>([["alice.example.com", alice]]);
  const calls = { did: 0, handle: 0 };
  const network = { down: false, gate: Promise.resolve() };
  const fail = () => {
    if (network.down) throw new AppError("UPSTREAM_FAILED", "Down.");
  };
  const make = () =>
    new CachedIdentityResolver({
      kv,
      clock,
      log: silentLogger,
      ttlMs: TTL,
      staleTtlMs: STALE,
      negativeTtlMs: NEGATIVE,
      dids: {
        resolve: async (did) => {
          calls.did++;
          await network.gate;
          fail();
          return documents.get(did);
        },
      },
      handles: {
        resolve: async (handle) => {
          calls.handle++;
          await network.gate;
          fail();
          return handles.get(handle);
        },
      },
    });
  try {
    await use({
      resolver: make(),
      other: make(),
      clock,
      documents,
      handles,
      calls,
      network,
    });
  } finally {
    kv.close();
  }
}

const unknown = (error: unknown) => isAppError(error, "NAME_UNKNOWN");

Deno.test("a handle in any case and its DID resolve to the same account", () =>
  withResolver(async ({ resolver }) => {
    const identity = await resolver.resolve("ALICE.example.com");
    assert.equal(identity.did, alice);
    assert.equal(identity.handle, "alice.example.com");
    assert.deepEqual(await resolver.resolve(alice), identity);
  }));

Deno.test("the network is queried once by all instances while the result is fresh", () =>
  withResolver(async ({ resolver, other, clock, calls }) => {
    await resolver.resolve("alice.example.com");
    await resolver.resolve(alice);
    await other.resolve("alice.example.com");
    clock.advance(TTL - 1);
    await other.resolve(alice);
    assert.deepEqual(calls, { did: 1, handle: 1 });
    clock.advance(1);
    await resolver.resolve(alice);
    assert.equal(calls.did, 2);
  }));

Deno.test("concurrent callers cause one lookup", () =>
  withResolver(async ({ resolver, calls }) => {
    await Promise.all(
      Array.from({ length: 50 }, () => resolver.resolve("alice.example.com")),
    );
    assert.deepEqual(calls, { did: 1, handle: 1 });
  }));

Deno.test("an account whose handle resolves elsewhere has no handle", () =>
  withResolver(async ({ resolver, handles }) => {
    handles.set("alice.example.com", bob);
    assert.equal((await resolver.resolve(alice)).handle, undefined);
  }));

Deno.test("a handle that its account does not claim is unknown", () =>
  withResolver(async ({ resolver, handles }) => {
    handles.set("impostor.example.com", alice);
    await assert.rejects(resolver.resolve("impostor.example.com"), (error) => {
      assert(isAppError(error, "NAME_UNKNOWN"));
      assert.match(error.message, /impostor\.example\.com/);
      return true;
    });
  }));

Deno.test("a new handle works although the account is cached with the old one", () =>
  withResolver(async ({ resolver, documents, handles, clock }) => {
    await resolver.resolve(alice);
    clock.advance(10_000);
    documents.set(alice, claimsOf(alice, "new.example.com"));
    handles.set("new.example.com", alice);
    assert.equal((await resolver.resolve("new.example.com")).did, alice);
  }));

Deno.test("a handle that its account does not claim is looked up at most every second", () =>
  withResolver(async ({ resolver, handles, calls, clock }) => {
    handles.set("impostor.example.com", alice);
    const ask = () =>
      assert.rejects(resolver.resolve("impostor.example.com"), unknown);
    await ask();
    const first = calls.did;
    await ask();
    assert.equal(calls.did, first);
    clock.advance(1_000);
    await ask();
    assert.equal(calls.did, first + 1);
  }));

Deno.test("a former handle resolves to its account only while it still points there", () =>
  withResolver(async ({ resolver, other, documents, handles, clock }) => {
    await resolver.resolve("alice.example.com");
    documents.set(alice, claimsOf(alice, "new.example.com"));
    handles.set("new.example.com", alice);
    for (const [age, instance] of [[10_000, other], [TTL, resolver]] as const) {
      clock.advance(age);
      await instance.resolve("new.example.com");
      const former = await instance.resolve("alice.example.com");
      assert.equal(former.did, alice);
      assert.equal(former.handle, "new.example.com");
    }
    handles.set("alice.example.com", bob);
    documents.set(bob, claimsOf(bob, "alice.example.com"));
    clock.advance(TTL);
    assert.equal((await resolver.resolve("alice.example.com")).did, bob);
    handles.delete("alice.example.com");
    clock.advance(TTL);
    await assert.rejects(resolver.resolve("alice.example.com"), unknown);
  }));

Deno.test("unknown names are cached as long as configured", () =>
  withResolver(async ({ resolver, clock, calls, handles, documents }) => {
    await assert.rejects(resolver.resolve("bob.example.com"), unknown);
    await assert.rejects(resolver.resolve("bob.example.com"), unknown);
    await assert.rejects(resolver.resolve(bob), unknown);
    assert.deepEqual(calls, { did: 1, handle: 1 });
    handles.set("bob.example.com", bob);
    documents.set(bob, claimsOf(bob, "bob.example.com"));
    clock.advance(NEGATIVE - 1);
    await assert.rejects(resolver.resolve("bob.example.com"), unknown);
    clock.advance(1);
    assert.equal((await resolver.resolve("bob.example.com")).did, bob);
  }));

Deno.test("the error for an unknown DID names only the DID, so that its data can be deleted", () =>
  withResolver(async ({ resolver, handles }) => {
    handles.set("bob.example.com", bob);
    for (const identifier of [bob, "bob.example.com"]) {
      await assert.rejects(
        resolver.resolve(identifier),
        (error) => {
          assert.ok(isAppError(error, "NAME_UNKNOWN"));
          assert.deepEqual(error.detail, { did: bob });
          return true;
        },
      );
    }
  }));

Deno.test("an invalid identifier is distinguished from an unknown one", () =>
  withResolver(async ({ resolver }) => {
    for (const name of ["alice", "", "did:plc:x", "did:web:a.b:c", "a b.c"]) {
      await assert.rejects(
        resolver.resolve(name),
        (error) => isAppError(error, "NAME_INVALID"),
        name,
      );
    }
  }));

Deno.test("while the network is down the last result is returned, with few retries", () =>
  withResolver(async ({ resolver, clock, calls, network }) => {
    await resolver.resolve("alice.example.com");
    clock.advance(20 * TTL);
    network.down = true;
    assert.equal((await resolver.resolve("alice.example.com")).did, alice);
    const before = { ...calls };
    await resolver.resolve("alice.example.com");
    assert.deepEqual(calls, before);
    clock.advance(30_000);
    assert.equal((await resolver.resolve(alice)).handle, "alice.example.com");
    assert.notDeepEqual(calls, before);
  }));

Deno.test("a stale result is used as long as configured while the network is down, and no longer", () =>
  withResolver(async ({ resolver, other, clock, network }) => {
    await resolver.resolve("alice.example.com");
    network.down = true;
    const isFailure = (error: unknown) => isAppError(error, "UPSTREAM_FAILED");
    // The limit is reached within the delay before the next retry.
    clock.advance(STALE - 10_000);
    for (const name of [alice, "alice.example.com"]) {
      assert.equal((await resolver.resolve(name)).did, alice);
    }
    clock.advance(10_000);
    const impatient = { patienceMs: 300 };
    for (const instance of [resolver, other]) {
      for (const name of [alice, "alice.example.com"]) {
        await assert.rejects(instance.resolve(name), isFailure);
        await assert.rejects(instance.resolve(name, impatient), isFailure);
      }
    }
    network.down = false;
    assert.equal((await resolver.resolve(alice)).did, alice);
  }));

Deno.test("a caller with a short wait gets the stale result while a new one is fetched", () =>
  withResolver(async ({ resolver, clock, documents, handles, network }) => {
    await resolver.resolve("alice.example.com");
    documents.set(alice, claimsOf(alice, "new.example.com"));
    handles.set("new.example.com", alice);
    const gate = Promise.withResolvers<void>();
    network.gate = gate.promise;
    clock.advance(TTL);
    const ticking = setInterval(() => clock.advance(100), 5);
    const options = { patienceMs: 300 };
    const late = await resolver.resolve(alice, options);
    assert.equal(late.handle, "alice.example.com");
    const byHandle = await resolver.resolve("alice.example.com", options);
    assert.equal(byHandle.did, alice);
    clearInterval(ticking);
    gate.resolve();
    const patient = await resolver.resolve(alice);
    assert.equal(patient.handle, "new.example.com");
  }));

Deno.test("without a cached result a failure is an error", () =>
  withResolver(async ({ resolver, network }) => {
    network.down = true;
    await assert.rejects(
      resolver.resolve("alice.example.com"),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
    network.down = false;
    assert.equal((await resolver.resolve("alice.example.com")).did, alice);
  }));

Deno.test("a fresh answer comes from the network, but not more often than every five seconds", () =>
  withResolver(
    async ({ resolver, other, clock, calls, documents, network }) => {
      await resolver.resolve(alice);
      documents.set(alice, {
        ...claimsOf(alice, "alice.example.com"),
        signingKey: "did:key:zNew",
      });
      clock.advance(5_000);
      const fresh = await resolver.resolve(alice, { fresh: true });
      assert.equal(fresh.signingKey, "did:key:zNew");
      await resolver.resolve(alice, { fresh: true });
      await other.resolve(alice, { fresh: true });
      assert.equal(calls.did, 2);
      clock.advance(5_000);
      network.down = true;
      await assert.rejects(
        resolver.resolve(alice, { fresh: true }),
        (error) => isAppError(error, "UPSTREAM_FAILED"),
      );
    },
  ));

Deno.test("an account removed from the cache is resolved again, its handle too", () =>
  withResolver(async ({ resolver, calls }) => {
    await resolver.resolve("alice.example.com");
    await resolver.forget(alice);
    await resolver.resolve("alice.example.com");
    assert.deepEqual(calls, { did: 2, handle: 2 });
  }));

Deno.test("a caller that gives up does not fail the lookup for others", () =>
  withResolver(async ({ resolver, calls }) => {
    const abort = new AbortController();
    const first = resolver.resolve(alice, { signal: abort.signal });
    const second = resolver.resolve(alice);
    const reason = new Error("enough");
    abort.abort(reason);
    await assert.rejects(first, (error) => error === reason);
    assert.equal((await second).did, alice);
    assert.equal(calls.did, 1);
  }));

Deno.test("a caller that may not query the network still gets cached results", () =>
  withResolver(async ({ resolver, other, calls, clock }) => {
    const refused = new AppError("TOOMANYREQUESTS", "Not you.");
    const beforeAsking = () => Promise.reject(refused);
    const isRefused = (error: unknown) => error === refused;
    for (const identifier of ["alice.example.com", alice]) {
      await assert.rejects(
        resolver.resolve(identifier, { beforeAsking }),
        isRefused,
      );
    }
    assert.deepEqual(calls, { did: 0, handle: 0 });
    await other.resolve("alice.example.com");
    for (const identifier of ["alice.example.com", alice]) {
      const { did } = await resolver.resolve(identifier, { beforeAsking });
      assert.equal(did, alice);
    }
    // A refresh is not a new lookup.
    clock.advance(2 * TTL);
    await resolver.resolve("alice.example.com", { beforeAsking });
  }));

Deno.test("a caller with a maximum age gets a newer result, looked up once by all instances, and the old one while the network is down", () =>
  withResolver(
    async ({ resolver, other, documents, clock, calls, network }) => {
      const minute = { maxAgeMs: 60_000 };
      await resolver.resolve(alice, minute);
      documents.set(alice, { ...claimsOf(alice), pds: "https://new.example" });
      clock.advance(59_000);
      const young = await resolver.resolve(alice, minute);
      assert.equal(young.pds, "https://pds.example.com");
      clock.advance(1_000);
      assert.equal(
        (await other.resolve(alice, minute)).pds,
        "https://new.example",
      );
      assert.equal(
        (await resolver.resolve(alice, minute)).pds,
        "https://new.example",
      );
      assert.equal(calls.did, 2);
      network.down = true;
      clock.advance(60_000);
      for (let i = 0; i < 3; i++) {
        const old = await resolver.resolve(alice, minute);
        assert.equal(old.pds, "https://new.example");
      }
      assert.equal(calls.did, 3, "the network is pestered while it is down");
    },
  ));

Deno.test("a handle that moves to another account is detected as soon as either account is resolved again", () =>
  withResolver(async ({ resolver, documents, handles, clock }) => {
    documents.set(bob, claimsOf(bob, "bob.example.com"));
    await resolver.resolve("alice.example.com");
    await resolver.resolve(bob);
    clock.advance(10_000);
    documents.set(alice, claimsOf(alice, "old.example.com"));
    documents.set(bob, claimsOf(bob, "alice.example.com"));
    handles.set("alice.example.com", bob);
    const now = await resolver.resolve(bob, { fresh: true });
    assert.equal(now.handle, "alice.example.com");
    assert.equal((await resolver.resolve("alice.example.com")).did, bob);

    clock.advance(10_000);
    documents.set(bob, claimsOf(bob, "bob.example.com"));
    documents.set(alice, claimsOf(alice, "alice.example.com"));
    handles.set("alice.example.com", alice);
    await resolver.resolve(bob, { fresh: true });
    assert.equal((await resolver.resolve("alice.example.com")).did, alice);
  }));
