import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { openKv } from "../kv/open_kv.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { ManualClock } from "../testing_clock.ts";
import { API_REQUESTS, ApiLimit } from "./api_limit.ts";

const CLIENT = "203.0.113.7";
const isFlood = (error: unknown) => isAppError(error, "TOOMANYREQUESTS");

Deno.test("a client of the API is refused after its requests of a minute, also by another instance, and not for good", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  let taken = 0;
  const counted = () => {
    const limiter = new RateLimiter(kv, clock);
    return new ApiLimit({
      take: (...of) => {
        taken++;
        return limiter.take(...of);
      },
    });
  };
  const [one, other] = [counted(), counted()];
  for (let i = 0; i < API_REQUESTS.limit; i++) await one.admit(CLIENT);
  assert.ok(taken <= API_REQUESTS.limit / 20, `${taken} reads of the store`);
  await assert.rejects(one.admit(CLIENT), isFlood);
  await assert.rejects(other.admit(CLIENT), isFlood);
  await one.admit("203.0.113.8");
  await one.admit("did:plc:alicealicealicealiceal22");
  clock.advance(API_REQUESTS.windowSeconds * 1_000);
  await one.admit(CLIENT);
  kv.close();
});

Deno.test("addresses that many clients may share are not limited in the API", async () => {
  const refuse = () =>
    Promise.resolve({ allowed: false, retryAfterSeconds: 60 });
  const limit = new ApiLimit({ take: refuse });
  for (const address of [undefined, "unknown", "127.0.0.1", "::1"]) {
    await limit.admit(address);
  }
  await assert.rejects(limit.admit(CLIENT), isFlood);
});
