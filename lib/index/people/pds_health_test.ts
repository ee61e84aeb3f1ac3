import assert from "node:assert/strict";
import { AppError } from "../../errors.ts";
import { ManualClock } from "../../testing_clock.ts";
import { PdsHealth } from "./pds_health.ts";

const PDS = "https://pds.example.com";

/** A PDS that responds with `status`, or not at all without one. */
function setUp() {
  const clock = new ManualClock();
  const pds = { status: 200 as number | undefined, looks: 0 };
  const answer = () => {
    pds.looks++;
    if (pds.status === undefined) {
      return Promise.reject(new AppError("UPSTREAM_FAILED", "Gone."));
    }
    return Promise.resolve(new Response("{}", { status: pds.status }));
  };
  const fetch = Object.assign(answer, { close: () => {} });
  const health = new PdsHealth({ clock, fetch });
  /** What the next page knows, once a look is over. */
  const look = async () => {
    clock.advance(30_000);
    health.awaySince(PDS);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    return health.awaySince(PDS);
  };
  return { clock, pds, health, look };
}

Deno.test("a PDS is away since it responded last, and until it responds again", async () => {
  const { clock, pds, look } = setUp();
  assert.equal(await look(), undefined);
  const respondedAt = clock.now();
  for (const status of [undefined, 503, undefined]) {
    pds.status = status;
    assert.equal(await look(), respondedAt);
  }
  pds.status = 404;
  assert.equal(await look(), undefined);
});

Deno.test("a PDS that was never heard is away since the first look", async () => {
  const { clock, pds, look } = setUp();
  pds.status = undefined;
  const first = await look();
  assert.equal(first, clock.now());
  assert.equal(await look(), first);
});

Deno.test("a PDS is looked at once in a while, and no more after the end", async () => {
  const { pds, health, look } = setUp();
  assert.equal(health.awaySince(undefined), undefined);
  assert.equal(pds.looks, 0);
  await look();
  for (let i = 0; i < 5; i++) health.awaySince(PDS);
  assert.equal(pds.looks, 1);
  health.close();
  await look();
  assert.equal(pds.looks, 1);
});
