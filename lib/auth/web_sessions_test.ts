import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { WebSessions } from "./web_sessions.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "../kv/open_kv.ts";

const MAX_WEB_SESSIONS = 30;

const alice = "did:plc:alicealicealicealiceal22";
const DAY = 86_400_000;
const here = { address: "192.0.2.1", agent: "Browser/1.0" };

async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const sessions = new WebSessions(kv, clock);
  const signIn = (former?: string) => sessions.create(alice, here, former);
  return { clock, kv, sessions, signIn, [Symbol.dispose]: () => kv.close() };
}

Deno.test("a cookie authenticates its session and no other text does", async () => {
  using t = await setUp();
  const cookie = await t.signIn();
  const session = await t.sessions.find(cookie);
  assert.equal(session?.did, alice);
  for (const wrong of [cookie.slice(1), `${cookie}A`, session?.id ?? "", ""]) {
    assert.equal(await t.sessions.find(wrong), undefined, wrong);
  }
});

Deno.test("the cookie is not in the store", async () => {
  using t = await setUp();
  const cookie = await t.signIn();
  for await (const entry of t.kv.list({ prefix: [] })) {
    assert.ok(!JSON.stringify(entry).includes(cookie));
  }
});

Deno.test("signing in again changes the cookie and ends the former session", async () => {
  using t = await setUp();
  const first = await t.signIn();
  const second = await t.signIn(first);
  assert.notEqual(first, second);
  assert.equal(await t.sessions.find(first), undefined);
  assert.equal((await t.sessions.list(alice)).length, 1);
});

Deno.test("a planted cookie does not become a session", async () => {
  using t = await setUp();
  const planted = "A".repeat(43);
  const cookie = await t.signIn(planted);
  assert.notEqual(cookie, planted);
  assert.equal(await t.sessions.find(planted), undefined);
});

Deno.test("a session expires after two weeks without use", async () => {
  using t = await setUp();
  const cookie = await t.signIn();
  for (let day = 0; day < 30; day += 10) {
    t.clock.advance(10 * DAY);
    assert.ok(await t.sessions.find(cookie));
  }
  t.clock.advance(14 * DAY + 1);
  assert.equal(await t.sessions.find(cookie), undefined);
  assert.deepEqual(await t.sessions.list(alice), []);
});

Deno.test("a session expires after ninety days even if it is used", async () => {
  using t = await setUp();
  const cookie = await t.signIn();
  for (let day = 0; day < 89; day++) {
    t.clock.advance(DAY);
    assert.ok(await t.sessions.find(cookie), `day ${day}`);
  }
  t.clock.advance(DAY + 1);
  assert.equal(await t.sessions.find(cookie), undefined);
});

Deno.test("a session that was made by a fast clock ends when the clock is set back", async () => {
  using t = await setUp();
  t.clock.advance(30 * DAY);
  const cookie = await t.signIn();
  t.clock.setBack(30 * DAY);
  assert.equal(await t.sessions.find(cookie), undefined);
  assert.deepEqual(await t.sessions.list(alice), []);
});

Deno.test("a session that was only used while the clock was fast goes on, and expires in its time", async () => {
  using t = await setUp();
  const cookie = await t.signIn();
  t.clock.advance(10 * DAY);
  assert.ok(await t.sessions.find(cookie));
  t.clock.setBack(9 * DAY);
  assert.equal((await t.sessions.find(cookie))?.lastUsedAt, t.clock.now());
  t.clock.advance(14 * DAY + 1);
  assert.equal(await t.sessions.find(cookie), undefined);
});

Deno.test("sessions are listed and ended one by one, by their owner only", async () => {
  using t = await setUp();
  const laptop = await t.signIn();
  t.clock.advance(1000);
  const phone = await t.signIn();
  const [latest] = await t.sessions.list(alice);
  const id = latest?.id ?? "";
  await assert.rejects(
    t.sessions.end("did:plc:mallorymallorymallorymal", id),
    (e) => isAppError(e, "NOT_FOUND"),
  );
  await t.sessions.end(alice, id);
  assert.equal(await t.sessions.find(phone), undefined);
  assert.ok(await t.sessions.find(laptop));
});

Deno.test("concurrent use does not revive an ended session", async () => {
  using t = await setUp();
  const cookie = await t.signIn();
  t.clock.advance(DAY);
  await Promise.all([
    t.sessions.find(cookie),
    t.sessions.endByCookie(cookie),
  ]);
  assert.equal(await t.sessions.find(cookie), undefined);
});

Deno.test("new sessions replace the oldest of an account", async () => {
  using t = await setUp();
  const first = await t.signIn();
  for (let i = 0; i < MAX_WEB_SESSIONS; i++) {
    t.clock.advance(1000);
    await t.signIn();
  }
  assert.equal(await t.sessions.find(first), undefined);
  assert.equal((await t.sessions.list(alice)).length, MAX_WEB_SESSIONS);
});

Deno.test("concurrent sign-ins do not exceed the sessions limit of an account", async () => {
  using t = await setUp();
  await Promise.all(
    Array.from({ length: MAX_WEB_SESSIONS + 10 }, () => t.signIn()),
  );
  const left = (await t.sessions.list(alice)).length;
  assert.ok(left > 0 && left <= MAX_WEB_SESSIONS, `${left} sessions`);
  const cookie = await t.signIn();
  assert.ok(await t.sessions.find(cookie));
});
