import assert from "node:assert/strict";
import { AppError, isAppError } from "../errors.ts";
import { ALICE, pdses, setUp } from "./testing_credentials.ts";

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
