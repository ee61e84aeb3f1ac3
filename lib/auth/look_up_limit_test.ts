import assert from "node:assert/strict";
import type { Identity } from "../atproto/identity/identity.ts";
import { parseDid } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { Metrics } from "../metrics.ts";
import { parseScopes } from "../oci/scope.ts";
import type { CredentialVerifier } from "./credentials.ts";
import { LookUpLimit } from "./look_up_limit.ts";
import type { RefreshTokens } from "./refresh_tokens.ts";
import { RegistryTokens } from "./registry_tokens.ts";
import { TokenService, type TokenServiceDeps } from "./token_service.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "../kv/open_kv.ts";

const CLIENT = "203.0.113.7";
const isFlood = (error: unknown) => isAppError(error, "TOOMANYREQUESTS");

/** A token service with the given `resolveOwner`. */
async function setUp(resolveOwner: TokenServiceDeps["resolveOwner"]) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const lookUps = new LookUpLimit(new RateLimiter(kv, clock));
  const tokens = new RegistryTokens({
    clock,
    key: new Uint8Array(32),
    service: "registry.example.com",
    ttlSeconds: 60,
    isRevoked: () => Promise.resolve(false),
  });
  const service = new TokenService({
    clock,
    tokens,
    credentials: {} as CredentialVerifier,
    refreshTokens: {} as RefreshTokens,
    resolveOwner,
    lookUps,
    loginTime: () => Promise.resolve(0),
    onLogin: () => Promise.resolve(),
    metrics: new Metrics(),
  });
  const issue = async (names: readonly string[]) => {
    const scopes = parseScopes(
      names.map((name) => `repository:${name}/app:pull`),
    );
    const { token } = await service.issue({
      ...{ credentials: undefined, scopes, from: CLIENT },
    });
    return (await tokens.verify(token)).grants.map(({ did }) => did);
  };
  return { clock, lookUps, issue, [Symbol.dispose]: () => kv.close() };
}

function identityOf(handle: string): Identity {
  const did = parseDid(`did:web:${handle}`);
  assert.ok(did);
  return { did, handle, pds: undefined, signingKey: undefined, services: {} };
}

Deno.test("one client causes a bounded number of lookups, localhost any number", async () => {
  using t = await setUp(() => Promise.reject(new Error("not used")));
  let admitted = 0;
  await assert.rejects(async () => {
    for (;;) {
      await t.lookUps.admit(CLIENT);
      admitted++;
    }
  }, isFlood);
  assert.equal(admitted, 300);
  await t.lookUps.admit("203.0.113.8");
  for (let i = 0; i < 400; i++) await t.lookUps.admit("127.0.0.1");
  t.clock.advance(60_000);
  await t.lookUps.admit(CLIENT);
});

Deno.test("owners of many scopes are looked up concurrently, each once, and granted in order", async () => {
  const running = { now: 0, most: 0 };
  const asked: string[] = [];
  using t = await setUp(async (name, options) => {
    await options?.beforeAsking?.();
    asked.push(name);
    running.most = Math.max(running.most, ++running.now);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running.now--;
    if (name.startsWith("none")) throw new AppError("NAME_UNKNOWN", "None.");
    return identityOf(name);
  });
  const names = Array.from(
    { length: 40 },
    (_, i) => `${i % 4 === 3 ? "none" : "some"}${i % 20}.example.com`,
  );
  const dids = await t.issue(names);
  assert.ok(running.most > 4 && running.most <= 10, `${running.most}`);
  assert.equal(asked.length, 20);
  assert.equal(dids[0], "did:web:some0.example.com");
  assert.equal(dids[1], "did:web:some1.example.com");
  assert.equal(dids.length, 15);
});

Deno.test("a token is issued in time without owners that cannot be found", async () => {
  let asked = 0;
  using t = await setUp((name, { signal } = {}) => {
    if (name === "quick.example.com") return Promise.resolve(identityOf(name));
    asked++;
    return new Promise((_, reject) =>
      signal?.addEventListener("abort", () => reject(signal.reason))
    );
  });
  const hanging = Array.from({ length: 30 }, (_, i) => `h${i}.example.com`);
  let isIssued = false;
  const issued = t.issue(["quick.example.com", ...hanging]).finally(() => {
    isIssued = true;
  });
  while (asked < 10) await nextTick();
  t.clock.advance(5_999);
  await nextTick();
  assert.ok(!isIssued);
  t.clock.advance(1);
  assert.deepEqual(await issued, ["did:web:quick.example.com"]);
  assert.equal(asked, 10);
});

function nextTick(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
