import assert from "node:assert/strict";
import { AppError, isAppError } from "../errors.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { type AccessRules, Admission, assertAllowed } from "./admission.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "../kv/open_kv.ts";
import { parseQuery } from "./parameters.ts";
import { createHmac } from "node:crypto";

async function withAdmission(
  perMinute: number,
  body: (admission: Admission, clock: ManualClock) => Promise<void>,
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  try {
    const options = { clientPerMinute: perMinute, clientSizesPerDay: 4 };
    await body(new Admission(new RateLimiter(kv, clock), options), clock);
  } finally {
    kv.close();
  }
}

Deno.test("a client over the limit gets a retry time, others are not affected", () =>
  withAdmission(3, async (admission, clock) => {
    for (const work of ["a", "b", "c"]) await admission.admit("one", work);
    await assert.rejects(admission.admit("one", "d"), (error) => {
      assert.ok(error instanceof AppError);
      assert.equal(error.code, "TOOMANYREQUESTS");
      assert.equal(error.retryAfterSeconds, 20);
      return true;
    });
    await admission.admit("two", "d");
    clock.advance(20_000);
    await admission.admit("one", "d");
  }));

Deno.test("concurrent requests for the same work count once", () =>
  withAdmission(2, async (admission) => {
    const crowd = () =>
      Promise.all(
        Array.from({ length: 100 }, () => admission.admit("one", "a")),
      );
    await crowd();
    await crowd();
    await assert.rejects(crowd());
  }));

Deno.test("with a limit of zero, or without a client, nothing is counted", () =>
  withAdmission(0, async (admission) => {
    for (let i = 0; i < 1000; i++) await admission.admit("one", `${i}`);
    await admission.admit(undefined, "a");
  }));

Deno.test("uncommon sizes are limited per minute and per day, common ones separately", () =>
  withAdmission(3, async (admission, clock) => {
    const visitor = admission.visitor("one");
    const odd = (work: string) => visitor.mayMake(work, "other");
    const made = [];
    for (const work of ["a", "b", "c", "d"]) made.push(await odd(work));
    assert.deepEqual(made, [true, true, true, false]);
    assert.equal(await visitor.mayMake("e", "common"), true);
    clock.advance(60_000);
    assert.deepEqual([await odd("f"), await odd("g")], [true, false]);
    assert.equal(await visitor.mayMake("h", "common"), true);
    assert.equal(await admission.visitor("two").mayMake("i", "other"), true);
    clock.advance(6 * 3_600_000);
    assert.equal(await odd("j"), true);
  }));

/** As documented: of the path and the query, sorted by name. */
function signature(text: string, key: string): string {
  return createHmac("sha256", key).update(text).digest("base64url");
}

const OPEN: AccessRules = { allowedSizes: [], signingKeys: [] };

function ask(path: string, rules: AccessRules): void {
  const target = new URL(path, "https://pics.example.com");
  const query = parseQuery(target.searchParams, undefined, {
    maxSide: 2048,
    fallbackHosts: [],
  });
  assertAllowed(query, target, rules);
}

const denied = (error: unknown) => isAppError(error, "DENIED");

Deno.test("without rules every size is made", () => {
  ask("/alice.test?w=123&q=7", OPEN);
});

Deno.test("with allowed sizes others are refused by name", () => {
  const rules = { ...OPEN, allowedSizes: [64, 128] };
  ask("/alice.test", rules);
  ask("/alice.test?w=64&h=128", rules);
  assert.throws(
    () => ask("/alice.test?w=64&h=65", rules),
    (error) =>
      isAppError(error, "INVALID_REQUEST") && /64, 128/.test(error.message),
  );
});

Deno.test("with allowed sizes dpr cannot produce other ones", () => {
  const rules = { ...OPEN, allowedSizes: [64, 100, 128] };
  ask("/alice.test?dpr=3", rules);
  ask("/alice.test?w=64&dpr=2", rules);
  assert.throws(
    () => ask("/alice.test?w=100&dpr=2", rules),
    (error) =>
      isAppError(error, "INVALID_REQUEST") &&
      /one of 64, 100, 128, and so must w and h times dpr/.test(error.message),
  );
  const signed = { ...rules, signingKeys: ["key"] };
  ask("/alice.test?w=64&dpr=2", signed);
  assert.throws(() => ask("/alice.test?w=64&dpr=1.99", signed), denied);
});

Deno.test("with keys a size needs a signature with one of them", () => {
  const rules = { allowedSizes: [64], signingKeys: ["old key", "new key"] };
  ask("/alice.test", rules);
  ask("/alice.test?w=64", rules);
  assert.throws(() => ask("/alice.test?w=65", rules), denied);
  assert.throws(() => ask("/alice.test?q=3", rules), denied);
  for (const key of rules.signingKeys) {
    const url = new URL("https://pics.example.com/alice.test?w=65&q=3");
    url.searchParams.set("s", signature("/alice.test?q=3&w=65", key));
    ask(url.pathname + url.search, rules);
    assert.throws(() => ask(`/bob.test${url.search}`, rules), denied);
    assert.throws(
      () => ask((url.pathname + url.search).replace("w=65", "w=66"), rules),
      denied,
    );
  }
});

Deno.test("the order of the parameters does not matter to a signature", () => {
  const rules = { allowedSizes: [], signingKeys: ["key"] };
  const s = signature("/alice.test?h=20&w=10", "key");
  ask(`/alice.test?h=20&s=${s}&w=10`, rules);
});
