import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import type {
  Identity,
  IdentityResolver,
} from "../atproto/identity/identity.ts";
import { AppError, isAppError } from "../errors.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { CredentialChain } from "./credential_chain.ts";
import { Devices } from "./devices/devices.ts";
import { KnownPasswords } from "./known_passwords.ts";
import { RefreshTokens } from "./refresh_tokens.ts";
import { RegistryTokens } from "./registry_tokens.ts";
import { Revocations } from "./revocation.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "../kv/open_kv.ts";
import { identityOf } from "../atproto/identity/testing_identity.ts";

const ALICE: Did = "did:plc:alicealicealicealiceal22";
const HANDLES: Record<string, Did> = {
  "alice.test": ALICE,
  "bob.test": "did:plc:bobbobbobbobbobbobbobbo2",
};

/** PDSes of accounts, cached and current. */
const pdses = { cached: "https://pds.example", current: "https://pds.example" };

const identities: IdentityResolver = {
  resolve: (identifier, options) => {
    const did = HANDLES[identifier] ?? (identifier as Did);
    const known = Object.entries(HANDLES).find(([, value]) => value === did);
    if (!known) {
      return Promise.reject(
        new AppError("NAME_UNKNOWN", `There is no account ${identifier}.`),
      );
    }
    const identity: Identity = identityOf(did, {
      handle: known[0],
      pds: options?.fresh || options?.maxAgeMs !== undefined
        ? pdses.current
        : pdses.cached,
    });
    return Promise.resolve(identity);
  },
  forget: () => Promise.resolve(),
};

async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const devices = new Devices(kv, clock);
  const revocations = new Revocations({ kv, clock, devices });
  const service = "registry.example";
  const refreshTokens = new RefreshTokens({
    clock,
    key: new Uint8Array(32).fill(1),
    service,
  });
  const tried: string[] = [];
  const answers = new Map<string, () => Promise<unknown>>();
  const chain = new CredentialChain({
    devices,
    refreshTokens,
    revocations,
    identities,
    limits: new RateLimiter(kv, clock),
    known: new KnownPasswords({
      kv,
      clock,
      mac: (...parts) => `mac of ${JSON.stringify(parts)}`,
    }),
    passwords: {
      login: async ({ pds }, password) => {
        tried.push(password);
        // Makes parallel guesses overlap.
        await new Promise((resolve) => setTimeout(resolve, 5));
        const answer = answers.get(password);
        if (answer) return await answer();
        if (password === "right" && pds === pdses.current) return;
        return Promise.reject(new AppError("UNAUTHORIZED", "Wrong."));
      },
    },
  });
  const tokens = new RegistryTokens({
    clock,
    key: new Uint8Array(32).fill(1),
    service,
    ttlSeconds: 900,
    isRevoked: (claims) => revocations.isRevoked(claims),
  });
  const { device, secret } = await devices.create({
    did: ALICE,
    name: "laptop",
    kind: "device",
    permissions: [{ pattern: "app", actions: ["pull"] }],
    lifetimeDays: 30,
  });
  return {
    clock,
    kv,
    chain,
    devices,
    device,
    secret,
    tried,
    answers,
    tokens,
    refreshTokens,
    revocations,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a device secret authenticates its account with the device's permissions, and is sent to no PDS", async () => {
  using t = await setUp();
  const principal = await t.chain.verify("alice.test", t.secret);
  assert.equal(principal.identity.did, ALICE);
  assert.deepEqual(principal.credential, { kind: "device", id: t.device.id });
  assert.ok(principal.permits?.("pull", ALICE, "app"));
  assert.ok(!principal.permits?.("push", ALICE, "app"));
  assert.ok(!principal.permits?.("pull", ALICE, "other"));
  assert.deepEqual(principal.pulls, ["app"]);
  assert.deepEqual(t.tried, []);
});

Deno.test("a wrong device secret is not treated as a password", async () => {
  using t = await setUp();
  await assert.rejects(
    t.chain.verify("alice.test", `${t.secret.slice(0, -2)}xx`),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
  assert.deepEqual(t.tried, []);
});

Deno.test("a device secret with the name of another account is refused, with a former name it is accepted", async () => {
  using t = await setUp();
  await assert.rejects(
    t.chain.verify("bob.test", t.secret),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
  const principal = await t.chain.verify("formerly.alice.test", t.secret);
  assert.equal(principal.identity.did, ALICE);
});

Deno.test("other secrets are passwords for the account's PDS", async () => {
  using t = await setUp();
  const principal = await t.chain.verify("alice.test", "right");
  assert.deepEqual(principal.credential, { kind: "password" });
  assert.equal(principal.permits, undefined);
});

Deno.test("wrong passwords are limited to ten for one name from one address", async () => {
  using t = await setUp();
  const guess = (name: string, from: string) =>
    t.chain.verify(name, "wrong", from);
  for (let i = 0; i < 10; i++) {
    await assert.rejects(guess("alice.test", "192.0.2.1"));
  }
  await assert.rejects(
    t.chain.verify("ALICE.test", "right", "192.0.2.1"),
    (e) => isAppError(e, "TOOMANYREQUESTS"),
  );
  assert.equal(t.tried.length, 10);
  // Clients at other addresses are not locked out by that.
  await t.chain.verify("alice.test", "right", "192.0.2.2");
});

const codesOf = (results: PromiseSettledResult<unknown>[]) =>
  results.map((result) =>
    result.status === "fulfilled"
      ? "ok"
      : isAppError(result.reason)
      ? result.reason.code
      : "other"
  );

Deno.test("parallel guesses get no more attempts than sequential ones", async () => {
  using t = await setUp();
  const guesses = Array.from({ length: 300 }, (_, i) => `wrong-${i}`);
  const codes = codesOf(
    await Promise.allSettled(
      guesses.map((guess) => t.chain.verify("alice.test", guess, "192.0.2.1")),
    ),
  );
  assert.equal(codes.filter((code) => code === "UNAUTHORIZED").length, 10);
  assert.equal(codes.filter((code) => code === "TOOMANYREQUESTS").length, 290);
  assert.equal(t.tried.length, 10);
});

Deno.test("parallel guesses at many accounts end at the limit of their address", async () => {
  using t = await setUp();
  const codes = codesOf(
    await Promise.allSettled(
      Array.from(
        { length: 300 },
        (_, i) => t.chain.verify(`nobody-${i}.test`, "wrong", "192.0.2.1"),
      ),
    ),
  );
  assert.equal(codes.filter((code) => code === "UNAUTHORIZED").length, 60);
});

Deno.test("other names of an account give no further guesses", async () => {
  using t = await setUp();
  const names = ["alice.test", ALICE, "@alice.test", "ALICE.test"];
  await Promise.allSettled(
    Array.from(
      { length: 40 },
      (_, i) => t.chain.verify(names[i % 4] ?? "", `wrong-${i}`, "192.0.2.1"),
    ),
  );
  assert.equal(t.tried.length, 10);
});

Deno.test("the same wrong password in parallel is one request to the PDS, and each login counts", async () => {
  using t = await setUp();
  const codes = codesOf(
    await Promise.allSettled(
      Array.from(
        { length: 30 },
        () => t.chain.verify("alice.test", "wrong", "192.0.2.1"),
      ),
    ),
  );
  assert.equal(t.tried.length, 1);
  assert.equal(codes.filter((code) => code === "UNAUTHORIZED").length, 10);
  await assert.rejects(
    t.chain.verify("alice.test", "other", "192.0.2.1"),
    (e) => isAppError(e, "TOOMANYREQUESTS"),
  );
});

Deno.test("parallel logins with a right password succeed, new or not", async () => {
  using t = await setUp();
  for (let round = 0; round < 2; round++) {
    await Promise.all(
      Array.from(
        { length: 100 },
        () => t.chain.verify("alice.test", "right", "192.0.2.1"),
      ),
    );
  }
  await assert.rejects(
    t.chain.verify("alice.test", "wrong", "192.0.2.1"),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
});

Deno.test("a login that could not be verified counts, for any error", async () => {
  for (const code of ["UNAVAILABLE", "UPSTREAM_FAILED"] as const) {
    using t = await setUp();
    t.answers.set(
      "maybe",
      () => Promise.reject(new AppError(code, "No answer.")),
    );
    for (let i = 0; i < 10; i++) {
      await assert.rejects(
        t.chain.verify("alice.test", "maybe", "192.0.2.1"),
        (e) => isAppError(e, code),
      );
    }
    await assert.rejects(
      t.chain.verify("alice.test", "maybe", "192.0.2.1"),
      (e) => isAppError(e, "TOOMANYREQUESTS"),
    );
  }
});

Deno.test("guesses of others at a shared address block no device secret, token or known password", async () => {
  using t = await setUp();
  const proxy = "10.0.0.1";
  await t.chain.verify("alice.test", "right", proxy);
  const refresh = await t.refreshTokens.issue(ALICE, { kind: "password" });
  for (const name of ["alice.test", "bob.test", "nobody.test"]) {
    await Promise.allSettled(
      Array.from(
        { length: 100 },
        (_, i) => t.chain.verify(name, `wrong-${i}`, proxy),
      ),
    );
  }
  for (let i = 0; i < 60; i++) {
    await t.chain.verify(`${i}.test`, "wrong", proxy).catch(() => {});
  }
  await assert.rejects(
    t.chain.verify("bob.test", "right", proxy),
    (e) => isAppError(e, "TOOMANYREQUESTS"),
  );
  await t.chain.verify("alice.test", t.secret, proxy);
  await t.chain.verify("ALICE.test", "right", proxy);
  await t.chain.verifyRefreshToken(refresh);
});

Deno.test("a known password is still verified at the PDS, and counts once it is refused", async () => {
  using t = await setUp();
  await t.chain.verify("alice.test", "right", "192.0.2.1");
  t.tried.length = 0;
  t.answers.set(
    "right",
    () => Promise.reject(new AppError("UNAUTHORIZED", "Revoked.")),
  );
  for (let i = 0; i < 10; i++) {
    await assert.rejects(
      t.chain.verify("alice.test", "right", "192.0.2.1"),
      (e) => isAppError(e, "UNAUTHORIZED"),
    );
  }
  await assert.rejects(
    t.chain.verify("alice.test", "right", "192.0.2.1"),
    (e) => isAppError(e, "TOOMANYREQUESTS"),
  );
  assert.equal(t.tried.length, 10);
});

Deno.test("a password is refused only after the account's PDS was resolved again", async () => {
  using t = await setUp();
  pdses.current = "https://new.example";
  try {
    const principal = await t.chain.verify("alice.test", "right");
    assert.equal(principal.identity.pds, "https://new.example");
    await assert.rejects(
      t.chain.verify("alice.test", "wrong"),
      (e) => isAppError(e, "UNAUTHORIZED"),
    );
  } finally {
    pdses.current = pdses.cached;
  }
});

Deno.test("a refresh token of a password ends when the account moves to another PDS", async () => {
  using t = await setUp();
  const credential = { kind: "password" } as const;
  const token = await t.refreshTokens.issue(ALICE, credential, pdses.cached);
  assert.equal((await t.chain.verifyRefreshToken(token)).identity.did, ALICE);
  pdses.current = "https://new.example";
  try {
    await assert.rejects(t.chain.verifyRefreshToken(token), (e) => {
      assert(isAppError(e, "UNAUTHORIZED"));
      assert.match(e.message, /moved to another PDS/);
      return true;
    });
  } finally {
    pdses.current = pdses.cached;
  }
});

Deno.test("a refresh token has the rights of the credential it was issued for", async () => {
  using t = await setUp();
  const ofDevice = await t.refreshTokens.issue(ALICE, {
    kind: "device",
    id: t.device.id,
  });
  const principal = await t.chain.verifyRefreshToken(ofDevice);
  assert.ok(!principal.permits?.("push", ALICE, "app"));
  await t.devices.revoke(ALICE, t.device.id);
  await assert.rejects(
    t.chain.verifyRefreshToken(ofDevice),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
});

Deno.test("revoking the password logins ends tokens issued before, and none issued after", async () => {
  using t = await setUp();
  const credential = { kind: "password" } as const;
  const refresh = await t.refreshTokens.issue(ALICE, credential);
  const { token } = await t.tokens.issue({ did: ALICE, credential }, []);
  const other = await t.tokens.issue(
    { did: "did:plc:bobbobbobbobbobbobbobbo2", credential },
    [],
  );
  await t.chain.verifyRefreshToken(refresh);
  await t.tokens.verify(token);
  t.clock.advance(5);
  await t.revocations.revokePasswordLogins(ALICE);
  await assert.rejects(t.chain.verifyRefreshToken(refresh), /revoked/);
  await assert.rejects(t.tokens.verify(token), /revoked/);
  await t.tokens.verify(other.token);
  t.clock.advance(5);
  const again = await t.tokens.issue({ did: ALICE, credential }, []);
  await t.tokens.verify(again.token);
});

Deno.test("new logins are valid after a revocation by a fast clock, and revoked ones stay revoked", async () => {
  using t = await setUp();
  const day = 86_400_000;
  const credential = { kind: "password" } as const;
  const before = await t.refreshTokens.issue(ALICE, credential);
  t.clock.advance(day);
  const ahead = await t.refreshTokens.issue(ALICE, credential);
  await t.revocations.revokePasswordLogins(ALICE);
  t.clock.setBack(day);
  const loginAt = await t.revocations.issueTime(ALICE);
  const again = await t.refreshTokens.issue(
    ALICE,
    credential,
    undefined,
    loginAt,
  );
  const { token } = await t.tokens.issue(
    { did: ALICE, credential },
    [],
    undefined,
    loginAt,
  );
  for (let i = 0; i < 3; i++) {
    await t.chain.verifyRefreshToken(again);
    await assert.rejects(t.chain.verifyRefreshToken(before), /revoked/);
    await assert.rejects(t.chain.verifyRefreshToken(ahead), /revoked/);
    if (i === 0) await t.tokens.verify(token);
    t.clock.advance(day);
  }
});

Deno.test("setting the clock back revives no revoked device and extends no registry token", async () => {
  using t = await setUp();
  const day = 86_400_000;
  const credential = { kind: "device", id: t.device.id } as const;
  t.clock.advance(day);
  const elsewhere = new Devices(t.kv, t.clock);
  assert.ok(await elsewhere.isAlive(t.device.id));
  const { token } = await t.tokens.issue({ did: ALICE, credential }, []);
  await t.tokens.verify(token);
  t.clock.setBack(day);
  await assert.rejects(
    t.tokens.verify(token),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
  await t.devices.revoke(ALICE, t.device.id);
  assert.ok(!await elsewhere.isAlive(t.device.id));
});

Deno.test("a token of a revoked device is refused within a minute on every instance", async () => {
  using t = await setUp();
  const credential = { kind: "device", id: t.device.id } as const;
  const { token } = await t.tokens.issue({ did: ALICE, credential }, []);
  const elsewhere = new Revocations({
    kv: t.kv,
    clock: t.clock,
    devices: new Devices(t.kv, t.clock),
  });
  const claims = await t.tokens.verify(token);
  assert.ok(!await elsewhere.isRevoked(claims));
  await t.devices.revoke(ALICE, t.device.id);
  await assert.rejects(t.tokens.verify(token), /revoked/);
  t.clock.advance(60_000);
  assert.ok(await elsewhere.isRevoked(claims));
});

Deno.test("registry and refresh tokens are not interchangeable, even with the same key", async () => {
  using t = await setUp();
  const credential = { kind: "password" } as const;
  const refresh = await t.refreshTokens.issue(ALICE, credential);
  await assert.rejects(
    t.tokens.verify(refresh),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
  const { token } = await t.tokens.issue({ did: ALICE, credential }, []);
  await assert.rejects(
    t.chain.verifyRefreshToken(token),
    (e) => isAppError(e, "UNAUTHORIZED"),
  );
});
