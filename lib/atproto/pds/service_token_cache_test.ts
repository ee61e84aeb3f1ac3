import assert from "node:assert/strict";
import { UnsecuredJWT } from "jose";
import { ManualClock } from "../../testing_clock.ts";
import { ServiceTokenCache } from "./service_token_cache.ts";

/** A cache whose PDS has a clock that is ahead of ours by `aheadMs`, and gives tokens for a minute. */
function start(aheadMs = 0) {
  const clock = new ManualClock();
  const cache = new ServiceTokenCache();
  let fetched = 0;
  const fetch = () => {
    fetched++;
    const expiry = Math.floor((clock.now() + aheadMs) / 1000) + 60;
    return Promise.resolve(
      new UnsecuredJWT({ jti: `${fetched}` }).setExpirationTime(expiry)
        .encode(),
    );
  };
  const get = () => cache.get("name", clock.now(), fetch);
  return { clock, get, fetched: () => fetched };
}

Deno.test("a service token is used until ten seconds before it expires", async () => {
  const t = start();
  const token = await t.get();
  t.clock.advance(49_000);
  assert.equal(await t.get(), token);
  t.clock.advance(2_000);
  assert.notEqual(await t.get(), token);
});

Deno.test("a service token of a PDS whose clock is ahead is used for a minute at most", async () => {
  const t = start(3_600_000);
  await t.get();
  t.clock.advance(49_000);
  await t.get();
  assert.equal(t.fetched(), 1);
  t.clock.advance(2_000);
  await t.get();
  assert.equal(t.fetched(), 2);
});

Deno.test("a service token is not used again after the clock was set back", async () => {
  const t = start();
  await t.get();
  t.clock.setBack(3_600_000);
  await t.get();
  assert.equal(t.fetched(), 2);
});
