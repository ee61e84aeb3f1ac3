import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { StarIndex } from "./star_index.ts";
import { Stars } from "./stars.ts";
import { MemoryRepo } from "./testing_repo.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const OWNER: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const REPO = { did: OWNER, repo: "team/app" };
const COLLECTION = "io.atcr.sailor.star";
const DAY = 86_400_000;

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const index = new StarIndex({
    kv,
    clock,
    observer: { starred: () => {} },
    onStars: () => Promise.resolve(),
    watch: UNWATCHED,
  });
  const repo = new MemoryRepo(ALICE);
  const stars = new Stars({
    kv,
    clock,
    log: silentLogger,
    pds: repo.reader,
    index,
  });
  const identity = identityOf(ALICE, { pds: repo.pds });
  return {
    clock,
    index,
    repo,
    stars,
    isStarred: () => stars.isStarred(identity, REPO),
    count: async () => (await index.counts([REPO]))[0],
    /** What a stream says of the record once more. */
    event: (rkey: string, rev: string, record: unknown) =>
      index.apply({
        did: ALICE,
        collection: COLLECTION,
        rkey,
        rev,
        cid: undefined,
        at: clock.now(),
        record,
      }),
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("a star is a record in the PDS that points at the page, and counts at once", async () => {
  using t = await open();
  assert.equal(await t.isStarred(), false);
  await t.stars.star(t.repo.session, REPO);
  assert.equal(await t.isStarred(), true);
  assert.equal(await t.count(), 1);
  const [[key, value] = []] = [...t.repo.records];
  assert.match(key ?? "", /^io\.atcr\.sailor\.star\//);
  assert.deepEqual(value, {
    $type: COLLECTION,
    subject: `at://${OWNER}/io.atcr.repo.page/team~app`,
    createdAt: new Date(t.clock.now()).toISOString(),
  });
});

Deno.test("starring twice is one record and one star, also after the events came", async () => {
  using t = await open();
  await t.stars.star(t.repo.session, REPO);
  await t.stars.star(t.repo.session, REPO);
  const [rkey = ""] = t.repo.rkeys(COLLECTION);
  assert.deepEqual(t.repo.rkeys(COLLECTION), [rkey]);
  const record = t.repo.records.get(`${COLLECTION}/${rkey}`);
  await t.event(rkey, "3l22222222221", record);
  assert.equal(await t.count(), 1);
});

Deno.test("a star that was taken back stays so when its first event comes late", async () => {
  using t = await open();
  await t.stars.star(t.repo.session, REPO);
  const [rkey = ""] = t.repo.rkeys(COLLECTION);
  const record = t.repo.records.get(`${COLLECTION}/${rkey}`);
  await t.stars.unstar(t.repo.session, REPO);
  assert.deepEqual(t.repo.rkeys(COLLECTION), []);
  await t.event(rkey, "3l22222222221", record);
  assert.equal(await t.count(), 0);
  await t.stars.star(t.repo.session, REPO);
  assert.equal(await t.count(), 1);
});

Deno.test("taking back removes every record, also those of other applications", async () => {
  using t = await open();
  const createdAt = new Date(t.clock.now()).toISOString();
  t.repo.put(COLLECTION, "3laaaaaaaaaaa", {
    subject: { did: OWNER, repository: "team/app" },
    createdAt,
  });
  t.repo.put(COLLECTION, "other", {
    subject: { did: OWNER, repository: "other" },
    createdAt,
  });
  await t.stars.star(t.repo.session, REPO);
  assert.equal(t.repo.rkeys(COLLECTION).length, 3);
  t.clock.advance(2 * DAY);
  assert.equal(await t.isStarred(), true);
  await t.stars.unstar(t.repo.session, REPO);
  assert.equal(await t.count(), 0);
});

Deno.test("stars of another application are found in the PDS, which is asked once a day", async () => {
  using t = await open();
  assert.equal(await t.isStarred(), false);
  const asked = t.repo.calls.length;
  assert.equal(await t.isStarred(), false);
  assert.equal(t.repo.calls.length, asked);
  const createdAt = new Date(t.clock.now()).toISOString();
  for (let i = 0; i < 250; i++) {
    const repository = i === 249 ? "team/app" : `r${i}`;
    t.repo.put(COLLECTION, `k${String(i).padStart(3, "0")}`, {
      subject: { did: OWNER, repository },
      createdAt,
    });
  }
  t.clock.advance(DAY);
  assert.equal(await t.isStarred(), true);
});

Deno.test("a listing ends stars whose record is gone, unless the PDS does not answer", async () => {
  using t = await open();
  await t.stars.star(t.repo.session, REPO);
  t.repo.records.clear();
  t.clock.advance(1_000);
  t.repo.isDown = true;
  const other = { ...REPO, repo: "other" };
  const identity = identityOf(ALICE, { pds: t.repo.pds });
  assert.equal(await t.stars.isStarred(identity, other), false);
  assert.equal(await t.count(), 1);
  t.repo.isDown = false;
  assert.equal(await t.stars.isStarred(identity, other), false);
  assert.equal(await t.count(), 0);
});

Deno.test("a PDS that refuses leaves the count as it is", async () => {
  using t = await open();
  t.repo.isDown = true;
  await assert.rejects(t.stars.star(t.repo.session, REPO), {
    code: "UNAVAILABLE",
  });
  assert.equal(await t.count(), 0);
});
