import assert from "node:assert/strict";
import type { Identity } from "../atproto/identity/identity.ts";
import type { PdsSession } from "../atproto/pds/pds.ts";
import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import { AccountSessions } from "./account_sessions.ts";
import { identityOf } from "../atproto/identity/testing_identity.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const OLD = "https://old.example";
const NEW = "https://new.example";

function sessionAt(pds: string, failure?: AppError): PdsSession {
  const fail = () => failure ? Promise.reject(failure) : Promise.resolve();
  return {
    did: ALICE,
    pds,
    applyWrites: async () => {
      await fail();
      return [];
    },
    deleteRecord: fail,
    putRecord: async () => {
      await fail();
      return { uri: "", cid: "" };
    },
    uploadBlob: async () => {
      await fail();
      return { $type: "blob", ref: { $link: "" }, mimeType: "", size: 0 };
    },
    serviceToken: async () => {
      await fail();
      return "token";
    },
  };
}

/** Sessions of an account whose PDS is `cached` until it is resolved again, and `current` then. */
function sessionsOf(
  stored: readonly (PdsSession | undefined)[],
  { cached, current = cached }: { cached: string; current?: string },
) {
  return new AccountSessions({
    onWritten: () => Promise.resolve(),
    sources: stored.map((session) => ({
      restore: () => Promise.resolve(session),
    })),
    identities: {
      resolve: (_, options) => {
        const identity: Identity = identityOf(ALICE, {
          pds: options?.fresh ? current : cached,
        });
        return Promise.resolve(identity);
      },
    },
  });
}

Deno.test("a session at a PDS that the account has left is not used", async () => {
  const moved = sessionsOf([sessionAt(OLD)], { cached: NEW });
  assert.equal(await moved.of(ALICE), undefined);
});

Deno.test("of two sign-in methods the one at the account's PDS is used", async () => {
  const two = sessionsOf([sessionAt(OLD), sessionAt(NEW)], { cached: NEW });
  assert.equal((await two.of(ALICE))?.pds, NEW);
  const first = sessionsOf([undefined, sessionAt(OLD)], { cached: OLD });
  assert.equal((await first.of(ALICE))?.pds, OLD);
});

Deno.test("an error of a PDS that the account has just left names the new one", async () => {
  const denied = new AppError("DENIED", "Account is deactivated");
  const session = await sessionsOf([sessionAt(OLD, denied)], {
    cached: OLD,
    current: NEW,
  }).of(ALICE);
  assert.ok(session);
  for (
    const work of [
      () => session.applyWrites([]),
      () => session.putRecord("a.b.c", "k", {}),
      () => session.deleteRecord("a.b.c", "k"),
      () => session.uploadBlob(new Uint8Array(), "a/b"),
      () => session.serviceToken("did:web:hold.example", "a.b.c"),
    ]
  ) {
    await assert.rejects(work(), (error) => {
      assert(isAppError(error, "UNAUTHORIZED"), String(error));
      assert.match(error.message, /moved to another PDS \(new\.example\)/);
      return true;
    });
  }
});

Deno.test("a session at the new PDS is found while the old one is still cached", async () => {
  const moved = sessionsOf([undefined, sessionAt(NEW)], {
    cached: OLD,
    current: NEW,
  });
  assert.equal((await moved.of(ALICE))?.pds, NEW);
});

Deno.test("a write that the former PDS refuses is repeated at the new one", async () => {
  const denied = new AppError("DENIED", "Account is deactivated");
  const sessions = sessionsOf([sessionAt(OLD, denied), sessionAt(NEW)], {
    cached: OLD,
    current: NEW,
  });
  const session = await sessions.of(ALICE);
  assert.equal(session?.pds, OLD);
  assert.deepEqual(await session.applyWrites([]), []);
  assert.equal(session.pds, NEW);
  await session.uploadBlob(new Uint8Array(), "a/b");
});

Deno.test("what a PDS still allows to be written is passed on", async () => {
  const budget = { limit: 5_000, remaining: 10, resetsAt: 1 };
  const limited = { ...sessionAt(NEW), writeBudget: budget };
  const session = await sessionsOf([limited], { cached: NEW }).of(ALICE);
  assert.deepEqual(session?.writeBudget, budget);
});

Deno.test("an error of the account's own PDS is passed on unchanged", async () => {
  const denied = new AppError("DENIED", "Account is deactivated");
  const session = await sessionsOf([sessionAt(OLD, denied)], { cached: OLD })
    .of(ALICE);
  assert.ok(session);
  await assert.rejects(session.applyWrites([]), denied);
});
