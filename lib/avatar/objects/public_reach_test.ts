import assert from "node:assert/strict";
import { AppError } from "../../errors.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { MemoryBlobStore } from "../../storage/memory.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { PublicReach } from "./public_reach.ts";

const OK = "passes the object on";

/** A bucket and what stands before it. */
function open() {
  const clock = new ManualClock();
  const store = new MemoryBlobStore(clock);
  const setup = { clock, store, asked: 0, answer: OK as string | number };
  const fetch = async (input: string | URL | Request): Promise<Response> => {
    setup.asked++;
    const { answer } = setup;
    if (answer === "away") {
      throw new AppError("UPSTREAM_FAILED", "cdn.example.com is away.");
    }
    if (typeof answer === "number") {
      return new Response("<Error/>", { status: answer });
    }
    if (answer !== OK) return new Response(answer);
    const key = new URL(String(input)).pathname.slice(1);
    return new Response((await store.get(key))?.body);
  };
  const reach = new PublicReach({
    clock,
    store,
    log: silentLogger,
    storeId: "bucket one",
    url: (key) => `https://cdn.example.com/${key}`,
    fetch: Object.assign(fetch, { close() {} }) as GuardedFetch,
  });
  return Object.assign(setup, { reach });
}

Deno.test("a store that the public can read is open", async () => {
  const { reach } = open();
  assert.equal((await reach.ask()).state, "open");
  assert.equal(reach.isOpen, true);
});

Deno.test("a store that the public cannot read is closed, with a sentence of what to do", async () => {
  const cases: [string | number, RegExp][] = [
    [403, /answers 403\).*Let everyone read avatars\/\*, by the bucket policy/],
    [401, /answers 401\).*bucket policy/],
    [404, /answers 404.*BUCKET_PUBLIC_HOST/],
    [410, /answers 410.*BUCKET_PUBLIC_HOST/],
    ["<html>Welcome</html>", /something else.*BUCKET_PUBLIC_HOST/],
  ];
  for (const [answer, sentence] of cases) {
    const setup = open();
    setup.answer = answer;
    const { state, sentence: found } = await setup.reach.ask();
    assert.equal(state, "closed", String(answer));
    assert.match(found, sentence);
    assert.equal(setup.reach.isOpen, false);
  }
});

Deno.test("a failure of the moment changes nothing", async () => {
  const setup = open();
  for (const answer of ["away", 500, 503, 429]) {
    setup.answer = answer;
    assert.equal((await setup.reach.ask()).state, "unknown", String(answer));
    assert.equal(setup.reach.isOpen, true);
  }
  setup.answer = 403;
  await setup.reach.ask();
  setup.answer = "away";
  await setup.reach.ask();
  assert.equal(setup.reach.isOpen, false, "it was closed before");
});

Deno.test("a policy that was corrected is noticed within a minute, and asked for once in it", async () => {
  const setup = open();
  setup.answer = 403;
  await setup.reach.refresh();
  assert.equal(setup.reach.isOpen, false);
  setup.answer = OK;
  for (let i = 0; i < 100; i++) await setup.reach.refresh();
  assert.equal(setup.asked, 1);
  setup.clock.advance(60_000);
  await Promise.all([setup.reach.refresh(), setup.reach.refresh()]);
  await setup.reach.ask();
  assert.equal(setup.asked, 2);
  assert.equal(setup.reach.isOpen, true);
});

Deno.test("a store that cannot be written is an error, and closes nothing", async () => {
  const setup = open();
  setup.store.put = () =>
    Promise.reject(new AppError("UNAVAILABLE", "The bucket is away."));
  await assert.rejects(setup.reach.ask(), /The bucket is away/);
  await setup.reach.refresh();
  assert.equal(setup.reach.isOpen, true);
});
