/** Who may read from a remote hold while it is away. */

import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { ALICE, BOB, CAPTAIN, HOLD } from "../../hold/testing.ts";
import { openKv } from "../../kv/open_kv.ts";
import { until } from "../../../tests/support/until.ts";
import { upstreamFailure } from "../../net/fetch_failure.ts";
import { ManualClock } from "../../testing_clock.ts";
import { KnownPublic } from "./known_public.ts";
import { RemoteAccess } from "./remote_access.ts";
import { RemoteCalls } from "./remote_calls.ts";

const DAY_MS = 86_400_000;

/** A hold that answers as a test says, and clients of it on one store. */
async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const captain = (isPublic: boolean) => () =>
    Promise.resolve(
      Response.json({
        value: { owner: CAPTAIN, public: isPublic, allowAllCrew: false },
      }),
    );
  const hold = {
    answer: captain(true) as () => Promise<Response>,
    calls: 0,
  };
  const calls = new RemoteCalls({
    did: HOLD,
    origin: "https://hold.example.com",
    fetch: (url) => {
      hold.calls++;
      return url.includes("listRecords")
        ? Promise.resolve(Response.json({ records: [] }))
        : hold.answer();
    },
    targets: { plain: false, plainOrigins: [], ownOrigins: [] },
    session: () => Promise.resolve(undefined),
  });
  /** A client without decisions in memory, as after ten minutes or a restart. */
  const client = () => {
    const known = new KnownPublic({ kv, clock, did: HOLD });
    return new RemoteAccess({ calls, clock, known });
  };
  return {
    ...{ clock, hold, client, captain },
    [Symbol.dispose]: () => kv.close(),
  };
}

const refused = () =>
  Promise.reject(upstreamFailure("hold.example.com", new Error("refused")));
const failing = () => Promise.resolve(new Response(null, { status: 502 }));

for (
  const [how, away] of [["unreachable", refused], ["failing", failing]] as const
) {
  Deno.test(`images of a public hold that is ${how} are served for a week`, async () => {
    using t = await setUp();
    assert.equal((await t.client().read(undefined)).allowed, true);
    t.hold.answer = away;
    for (const caller of [undefined, ALICE]) {
      assert.equal((await t.client().read(caller)).allowed, true);
    }
    t.clock.advance(6 * DAY_MS);
    assert.equal((await t.client().read(BOB)).allowed, true);
    t.clock.advance(DAY_MS);
    await assert.rejects(t.client().read(undefined), isAppError);
  });
}

Deno.test("a hold that was never known to be public has to answer", async () => {
  using t = await setUp();
  t.hold.answer = refused;
  await assert.rejects(t.client().read(undefined), isAppError);
  t.hold.answer = t.captain(false);
  assert.equal((await t.client().read(ALICE)).allowed, false);
  t.hold.answer = refused;
  await assert.rejects(t.client().read(ALICE), isAppError);
});

Deno.test("a hold that became private is private at once, also while it is away", async () => {
  using t = await setUp();
  assert.equal((await t.client().read(undefined)).allowed, true);
  t.hold.answer = t.captain(false);
  assert.equal((await t.client().read(undefined)).allowed, false);
  t.hold.answer = refused;
  await assert.rejects(t.client().read(undefined), isAppError);
});

Deno.test("a public hold that hangs delays one reader, not each", async () => {
  using t = await setUp();
  const client = t.client();
  assert.equal((await client.read(undefined)).allowed, true);
  const { promise: hanging, resolve: wake } = Promise.withResolvers<Response>();
  t.hold.answer = () => hanging;
  const first = client.read(ALICE);
  await until(() => t.hold.calls === 2);
  t.clock.advance(3_000);
  assert.equal((await first).allowed, true);
  assert.equal((await client.read(BOB)).allowed, true);
  assert.equal(t.hold.calls, 2);
  // Its late answer counts.
  wake(await t.captain(false)());
  t.hold.answer = refused;
  const isPrivate = () =>
    t.client().read(undefined).then(() => false, () => true);
  await until(isPrivate);
});
