import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import { createLogger } from "../../log.ts";
import { upstreamFailure } from "../../net/fetch_failure.ts";
import type { Identity } from "../identity/identity.ts";
import { PasswordSessions } from "./password_session.ts";
import type { PdsSession } from "./pds.ts";
import { SecretBox } from "../../crypto/secret_box.ts";
import { error, FakePds } from "./testing_pds.ts";
import { ManualClock } from "../../testing_clock.ts";
import { openKv } from "../../kv/open_kv.ts";
import type { Kv } from "../../kv/kv.ts";
import { identityOf } from "../identity/testing_identity.ts";

const did: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const PASSWORD = "abcd-efgh-ijkl-mnop";
const LOGIN = "com.atproto.server.createSession";
const REFRESH = "com.atproto.server.refreshSession";
const WRITE = "com.atproto.repo.applyWrites";
const SERVICE = "com.atproto.server.getServiceAuth";

interface Rig {
  pds: FakePds;
  clock: ManualClock;
  kv: Kv;
  alice: Identity;
  /** Two instances that share the store. */
  sessions: PasswordSessions;
  others: PasswordSessions;
  /** One that accepts the account password as well. */
  lenient: PasswordSessions;
  lines: string[];
}

async function withPds(use: (rig: Rig) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const pds = new FakePds(clock);
  pds.passwords.set(did, PASSWORD);
  const lines: string[] = [];
  const log = createLogger({ level: "debug", write: (l) => lines.push(l) });
  const secrets = new SecretBox(new Uint8Array(32).fill(1));
  const make = (allowAccountPassword = false) =>
    new PasswordSessions({
      kv,
      clock,
      log,
      fetch: pds.fetch,
      secrets,
      allowAccountPassword,
    });
  const alice: Identity = identityOf(did, {
    handle: "alice.example.com",
    pds: pds.origin,
  });
  // Leases wait by the clock, so it must advance.
  const ticking = setInterval(() => clock.advance(20), 1);
  try {
    await use({
      pds,
      clock,
      kv,
      alice,
      sessions: make(),
      others: make(),
      lenient: make(true),
      lines,
    });
  } finally {
    clearInterval(ticking);
    kv.close();
  }
}

const write = (session: PdsSession | undefined) => {
  assert(session);
  return session.applyWrites([
    { action: "delete", collection: "io.atcr.tag", rkey: "a" },
  ]);
};

Deno.test("the PDS receives a password once for concurrent logins on all instances", () =>
  withPds(async ({ sessions, others, alice, pds }) => {
    await Promise.all(
      Array.from({ length: 20 }, () => sessions.login(alice, PASSWORD)),
    );
    await write(await others.login(alice, PASSWORD));
    await write(await sessions.login(alice, PASSWORD));
    assert.equal(pds.count(LOGIN), 1);
  }));

Deno.test("after ten minutes the password is sent to the PDS again", () =>
  withPds(async ({ sessions, alice, pds, clock }) => {
    await sessions.login(alice, PASSWORD);
    clock.advance(10 * 60_000);
    await sessions.login(alice, PASSWORD);
    assert.equal(pds.count(LOGIN), 2);
  }));

Deno.test("a wrong password is refused with the handle and advice, also after a right one", () =>
  withPds(async ({ sessions, alice }) => {
    for (let i = 0; i < 2; i++) {
      await assert.rejects(sessions.login(alice, "wrong"), (error) => {
        assert(isAppError(error, "UNAUTHORIZED"));
        assert.match(error.message, /alice\.example\.com/);
        assert.match(error.message, /app password/);
        assert.match(error.message, /https:\/\//);
        return true;
      });
      await sessions.login(alice, PASSWORD);
    }
  }));

Deno.test("the account password is refused with advice, and its session ended", () =>
  withPds(async ({ sessions, lenient, alice, pds }) => {
    pds.scope = "com.atproto.access";
    for (let i = 0; i < 2; i++) {
      await assert.rejects(sessions.login(alice, PASSWORD), (error) => {
        assert(isAppError(error, "UNAUTHORIZED"));
        assert.match(error.message, /password of the account/);
        assert.match(error.message, /alice\.example\.com/);
        assert.match(error.message, /app password/);
        return true;
      });
      assert.equal(await sessions.restore(did), undefined);
      assert.equal(pds.sessions, 0);
    }
    pds.answers.set(
      "com.atproto.server.deleteSession",
      () => error(503, "Down"),
    );
    await assert.rejects(
      sessions.login(alice, PASSWORD),
      (e) => isAppError(e, "UNAUTHORIZED"),
    );
    await write(await lenient.login(alice, PASSWORD));
  }));

Deno.test("a session opened with the account password while that was accepted is ended", () =>
  withPds(async ({ sessions, lenient, alice, pds }) => {
    pds.scope = "com.atproto.access";
    await lenient.login(alice, PASSWORD);
    assert(await lenient.restore(did));
    assert.equal(await sessions.restore(did), undefined);
    assert.equal(pds.sessions, 0);
    await assert.rejects(
      sessions.login(alice, PASSWORD),
      (e) => isAppError(e, "UNAUTHORIZED"),
    );
  }));

Deno.test("app passwords are accepted, and sessions without a scope", () =>
  withPds(async ({ sessions, alice, pds }) => {
    for (
      const scope of [
        "com.atproto.appPass",
        "com.atproto.appPassPrivileged",
        undefined,
      ]
    ) {
      pds.scope = scope;
      await sessions.drop(did);
      await write(await sessions.login(alice, PASSWORD));
    }
  }));

Deno.test("an empty or overlong password is not sent", () =>
  withPds(async ({ sessions, alice, pds }) => {
    await assert.rejects(sessions.login(alice, ""));
    await assert.rejects(sessions.login(alice, "x".repeat(513)));
    assert.equal(pds.calls.length, 0);
  }));

Deno.test("every kind of login failure has its own sentence", () =>
  withPds(async ({ sessions, alice, pds }) => {
    const body = { did, accessJwt: "a", refreshJwt: "r" };
    const cases: [() => Response, string, RegExp][] = [
      [
        () => error(401, "AuthFactorTokenRequired"),
        "UNAUTHORIZED",
        /second factor/,
      ],
      [() => error(401, "AccountTakedown"), "UNAUTHORIZED", /is taken down/],
      [
        () => error(400, "InvalidRequest", "Account has no password"),
        "UNAUTHORIZED",
        /refused the login of alice\.example\.com: Account has no/,
      ],
      [() => error(400, "AccountTakendown"), "UNAUTHORIZED", /is taken down/],
      [
        () => Response.json({ ...body, active: null, status: null, did: 7 }),
        "UPSTREAM_FAILED",
        /does not fit/,
      ],
      [
        () => Response.json({ ...body, active: false, status: "deactivated" }),
        "UNAUTHORIZED",
        /deactivated/,
      ],
      [
        () => error(429, "RateLimitExceeded", "x", { "retry-after": "60" }),
        "TOOMANYREQUESTS",
        /no more requests/,
      ],
      [() => error(503, "Down"), "UNAVAILABLE", /pds\.example\.com/],
      [
        () => Response.json({ ...body, did: "did:web:evil.example" }),
        "UPSTREAM_FAILED",
        /in place of/,
      ],
      [() => Response.json({}), "UPSTREAM_FAILED", /does not fit/],
    ];
    for (const [answer, code, sentence] of cases) {
      pds.answers.set(LOGIN, answer);
      await assert.rejects(sessions.login(alice, PASSWORD), (error) => {
        assert(error instanceof AppError);
        assert.equal(error.code, code);
        assert.match(error.message, sentence);
        return true;
      });
    }
    pds.answers.set(LOGIN, () => {
      throw upstreamFailure("pds.example.com", new Error("reset"));
    });
    await assert.rejects(
      sessions.login(alice, PASSWORD),
      (error) => isAppError(error, "UNAVAILABLE"),
    );
    assert.equal(await sessions.restore(did), undefined);
  }));

Deno.test("a wrong password is called wrong, however the PDS answers it", () =>
  withPds(async ({ sessions, alice, pds }) => {
    const answers = [
      error(401, "AuthenticationRequired", "Invalid identifier or password"),
      error(400, "InvalidRequest", "Invalid identifier or password"),
      error(400, "InvalidLogin", "no"),
      error(400, "InvalidRequest"),
      Response.json({ error: "InvalidRequest" }, { status: 400 }),
      error(403, "Forbidden"),
    ];
    for (const answer of answers) {
      pds.answers.set(LOGIN, () => answer);
      await assert.rejects(sessions.login(alice, PASSWORD), (error) => {
        assert(isAppError(error, "UNAUTHORIZED"));
        assert.match(error.message, /^The password for alice.* is wrong/);
        return true;
      });
    }
  }));

Deno.test("absent members of a session may be null", () =>
  withPds(async ({ sessions, alice, pds }) => {
    const session = { did, accessJwt: "a", refreshJwt: "r" };
    pds.answers.set(
      LOGIN,
      () => Response.json({ ...session, active: null, status: null }),
    );
    assert.equal((await sessions.login(alice, PASSWORD)).did, did);
  }));

Deno.test("a session survives the process that opened it", () =>
  withPds(async ({ sessions, others, alice, pds }) => {
    assert.equal(await others.restore(did), undefined);
    await sessions.login(alice, PASSWORD);
    await write(await others.restore(did));
    assert.equal(pds.count(LOGIN), 1);
  }));

Deno.test("neither password nor tokens can be read in the store or the log", () =>
  withPds(async ({ sessions, alice, kv, lines, clock, pds }) => {
    const session = await sessions.login(alice, PASSWORD);
    clock.advance(3 * 3_600_000);
    pds.revoke();
    await assert.rejects(write(session));
    await sessions.login(alice, PASSWORD);
    let text = lines.join("\n");
    for await (const entry of kv.list({ prefix: ["atproto"] })) {
      text += Deno.inspect(entry, { strAbbreviateSize: 1e6, depth: 9 });
    }
    assert(text.includes(did));
    for (const secret of [PASSWORD, "refresh-", "eyJ"]) {
      assert.equal(text.includes(secret), false, secret);
    }
  }));

Deno.test("many callers with an expired token cause exactly one refresh, across instances", () =>
  withPds(async ({ sessions, others, alice, pds, clock }) => {
    await sessions.login(alice, PASSWORD);
    clock.advance(3 * 3_600_000);
    const restored = await Promise.all(
      Array.from(
        { length: 40 },
        (_, i) => (i % 2 === 0 ? sessions : others).restore(did),
      ),
    );
    await Promise.all(restored.map(write));
    assert.equal(pds.count(REFRESH), 1);
    assert.equal(pds.count(WRITE), 40);
  }));

Deno.test("a token that the PDS rejects is refreshed and the call retried once", () =>
  withPds(async ({ sessions, alice, pds }) => {
    const session = await sessions.login(alice, PASSWORD);
    pds.forgetAccess();
    await write(session);
    assert.equal(pds.count(REFRESH), 1);
    assert.equal(pds.count(WRITE), 2);
    pds.answers.set(WRITE, () => error(401, "InvalidToken"));
    await assert.rejects(write(session), (e) => isAppError(e, "DENIED"));
    assert.equal(pds.count(WRITE), 4);
  }));

Deno.test("a rejected token is refreshed where the PDS answers with 400 as well", () =>
  withPds(async ({ sessions, alice, pds }) => {
    const session = await sessions.login(alice, PASSWORD);
    const answers = [() => error(400, "InvalidToken"), () => new Response()];
    pds.answers.set(WRITE, () => answers.shift()?.() ?? new Response());
    await write(session);
    assert.equal(pds.count(REFRESH), 1);
    assert.equal(pds.count(WRITE), 2);
  }));

Deno.test("the session of an account that was taken down says so", () =>
  withPds(async ({ sessions, alice, pds, clock }) => {
    const session = await sessions.login(alice, PASSWORD);
    pds.answers.set(WRITE, () => error(401, "AccountTakendown"));
    await assert.rejects(write(session), (error) => {
      assert(isAppError(error, "DENIED"));
      assert.match(error.message, /is taken down at its PDS/);
      return true;
    });
    assert.equal(pds.count(REFRESH), 0);
    clock.advance(3 * 3_600_000);
    pds.answers.set(REFRESH, () => error(400, "AccountTakendown"));
    await assert.rejects(write(session), /is taken down at its PDS/);
    assert.equal(await sessions.restore(did), undefined);
  }));

Deno.test("a session that cannot be refreshed is deleted with its password, and the error says so", () =>
  withPds(async ({ sessions, alice, pds, clock }) => {
    const session = await sessions.login(alice, PASSWORD);
    pds.revoke();
    pds.passwords.set(did, "another");
    clock.advance(1_000);
    await assert.rejects(write(session), (error) => {
      assert(isAppError(error, "UNAUTHORIZED"));
      assert.match(error.message, /Sign in again/);
      return true;
    });
    assert.equal(await sessions.restore(did), undefined);
    // Verified recently, but no longer valid.
    await assert.rejects(
      sessions.login(alice, PASSWORD),
      (e) => isAppError(e, "UNAUTHORIZED"),
    );
  }));

Deno.test("a PDS that is down does not end the session", () =>
  withPds(async ({ sessions, alice, pds, clock }) => {
    const session = await sessions.login(alice, PASSWORD);
    clock.advance(3 * 3_600_000);
    pds.answers.set(REFRESH, () => error(502, "Down"));
    await assert.rejects(write(session), (e) => isAppError(e, "UNAVAILABLE"));
    pds.answers.delete(REFRESH);
    await write(session);
  }));

Deno.test("a new login in the middle of a refresh wins", () =>
  withPds(async ({ sessions, others, alice, pds, clock }) => {
    const session = await sessions.login(alice, PASSWORD);
    clock.advance(3 * 3_600_000);
    const release = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    pds.answers.set(REFRESH, async () => {
      begun.resolve();
      await release.promise;
      return Response.json({ did, accessJwt: "old", refreshJwt: "old" });
    });
    const pending = write(session);
    await begun.promise;
    await others.login(alice, PASSWORD);
    release.resolve();
    await pending;
    await write(await sessions.restore(did));
  }));

Deno.test("an account that has moved to another PDS signs in there", () =>
  withPds(async ({ sessions, alice, pds }) => {
    await sessions.login(alice, PASSWORD);
    const moved = { ...alice, pds: "https://new.example.com" };
    const session = await sessions.login(moved, PASSWORD);
    assert.equal(session.pds, "https://new.example.com");
    assert.equal(pds.count(LOGIN), 2);
  }));

Deno.test("a service token for uploads is reused until ten seconds before it expires", () =>
  withPds(async ({ sessions, alice, pds, clock }) => {
    const session = await sessions.login(alice, PASSWORD);
    const aud = "did:web:hold.example.com";
    const ask = (audience = aud, lxm = "io.atcr.hold.uploadPart") =>
      session.serviceToken(audience, lxm);
    const first = await ask();
    assert.equal(await ask(), first);
    assert.equal(
      await (await sessions.restore(did))
        ?.serviceToken(aud, "io.atcr.hold.uploadPart"),
      first,
    );
    assert.notEqual(await ask("did:web:other.example.com"), first);
    assert.notEqual(await ask(aud, "io.atcr.hold.abortUpload"), first);
    const before = pds.count(SERVICE);
    clock.advance(50_000);
    assert.notEqual(await ask(), first);
    assert.equal(pds.count(SERVICE), before + 1);
  }));

Deno.test("a service token for a single-use method is new every time", () =>
  withPds(async ({ sessions, alice }) => {
    const session = await sessions.login(alice, PASSWORD);
    const ask = () =>
      session.serviceToken(
        "did:web:hold.example.com",
        "io.atcr.hold.notifyManifest",
      );
    assert.notEqual(await ask(), await ask());
  }));
