import assert from "node:assert/strict";
import { validateRecord } from "../../atproto/lexicon/lexicon.ts";
import { lexicons } from "../../atproto/lexicon/lexicons.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import { openKv } from "../../kv/open_kv.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { PageIndex } from "./page_index.ts";
import { Pages } from "./pages.ts";
import { MemoryRepo } from "./testing_repo.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";
import { UNWATCHED } from "../testing_watch.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const COLLECTION = "io.atcr.repo.page";
const REPO = "team/app";
const RKEY = "team~app";
const README = "https://files.example.com/README.md";
const ICON = "https://files.example.com/icon";
const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const never = new AbortController().signal;

async function open() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const repo = new MemoryRepo(ALICE);
  const files = new Map<string, BodyInit>();
  const fetched: string[] = [];
  const fetch: GuardedFetch = Object.assign(
    (input: string | URL | Request) => {
      fetched.push(String(input));
      const body = files.get(String(input));
      if (body === "down") throw new AppError("UPSTREAM_FAILED", "It is down.");
      return Promise.resolve(
        body === undefined
          ? new Response(null, { status: 404 })
          : new Response(body),
      );
    },
    { close() {} },
  );
  const index = new PageIndex({
    onPage: () => Promise.resolve(),
    kv,
    clock,
    watch: UNWATCHED,
  });
  const pages = new Pages({
    clock,
    log: silentLogger,
    pds: repo.reader,
    fetch,
    index,
  });
  const identity = identityOf(ALICE, { pds: repo.pds });
  return {
    clock,
    repo,
    files,
    fetched,
    index,
    pages,
    read: (name = REPO) => pages.get(identity, name),
    record: () => repo.records.get(`${COLLECTION}/${RKEY}`),
    fill: (notes: Record<string, string>) =>
      pages.fill(repo.session, REPO, notes, never),
    event: (rev: string, record: unknown, rkey = RKEY) =>
      index.apply({
        ...{ did: ALICE, collection: COLLECTION, rkey, rev },
        cid: undefined,
        at: clock.now(),
        record,
      }),
    [Symbol.dispose]: () => kv.close(),
  };
}

const page = (description: string, more: Record<string, unknown> = {}) => ({
  $type: COLLECTION,
  repository: REPO,
  description,
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  ...more,
});

Deno.test("a page of which nothing was heard is read from the PDS, its absence once an hour", async () => {
  using t = await open();
  assert.equal(await t.read(), undefined);
  assert.equal(await t.read(), undefined);
  assert.equal(t.repo.calls.length, 1);
  t.repo.put(
    COLLECTION,
    RKEY,
    page("# App\n\n[It](https://x.example) *runs*."),
  );
  t.clock.advance(3_600_000);
  const found = await t.read();
  assert.equal(found?.text, "# App\n\n[It](https://x.example) *runs*.");
  assert.equal(found?.line, "It runs.");
  await t.read();
  assert.equal(t.repo.calls.length, 2);
});

Deno.test("a PDS that is down is no page now, and asked again", async () => {
  using t = await open();
  t.repo.isDown = true;
  assert.equal(await t.read(), undefined);
  t.repo.isDown = false;
  t.repo.put(COLLECTION, RKEY, page("Here."));
  assert.equal((await t.read())?.text, "Here.");
});

Deno.test("events change a page, older ones do not, and a deletion ends it", async () => {
  using t = await open();
  await t.event("3l3", page("new"));
  await t.event("3l2", page("old"));
  assert.equal((await t.read())?.text, "new");
  await t.event("3l4", undefined);
  await t.event("3l3", page("new"));
  assert.equal(await t.read(), undefined);
  assert.deepEqual(t.repo.calls, []);
});

Deno.test("a record at the key of another repository is no page", async () => {
  using t = await open();
  await t.event("3l2", page("mine"));
  await t.event("3l3", page("not mine"), "other");
  await t.event("3l4", page("not mine", { repository: "NOT A NAME" }), "x");
  assert.equal((await t.read())?.text, "mine");
});

Deno.test("the longest text is kept whole, with characters across the edge of a row", async () => {
  using t = await open();
  const text = "é".repeat(50_000);
  await t.event("3l2", page(text));
  assert.equal((await t.read())?.text, text);
  await t.event("3l3", page("short"));
  assert.equal((await t.read())?.text, "short");
  await t.event("3l4", page(`${text}!`));
  assert.equal((await t.read())?.text, "");
});

Deno.test("a push fills the page from README and icon", async () => {
  using t = await open();
  t.files.set(README, "# App\n\nIt runs.\n");
  t.files.set(ICON, PNG);
  await t.fill({
    "io.atcr.readme": README,
    "io.atcr.icon": ICON,
    "org.opencontainers.image.description": "Not needed.",
  });
  const record = t.record();
  assert.deepEqual(validateRecord(COLLECTION, record, lexicons), {
    valid: true,
  });
  const found = await t.read();
  assert.equal(found?.text, "# App\n\nIt runs.");
  assert.equal(found?.avatar?.mimeType, "image/png");
  assert.equal(found?.userEdited, false);
  // The same once more writes nothing and uploads nothing.
  const calls = t.repo.calls.length;
  await t.fill({ "io.atcr.readme": README, "io.atcr.icon": ICON });
  assert.deepEqual(t.repo.calls.slice(calls), ["getRecord"]);
});

Deno.test("a page that its owner wrote is left alone by pushes", async () => {
  using t = await open();
  await t.pages.edit(t.repo.session, REPO, { text: "My words.", picture: PNG });
  assert.equal((await t.read())?.userEdited, true);
  t.files.set(README, "Others.");
  await t.fill({ "io.atcr.readme": README });
  assert.equal((await t.read())?.text, "My words.");
  assert.deepEqual(t.fetched, []);
  await t.pages.edit(t.repo.session, REPO, { text: "Mine." });
  assert.ok((await t.read())?.avatar);
  await t.pages.edit(t.repo.session, REPO, { text: "Mine.", picture: null });
  assert.equal((await t.read())?.avatar, undefined);
});

Deno.test("a description stands in for a README, and a README that is down leaves the text", async () => {
  using t = await open();
  await t.fill({ "org.opencontainers.image.description": "A small tool." });
  assert.equal((await t.read())?.text, "A small tool.");
  t.files.set(README, "The README.");
  const notes = {
    "io.atcr.readme": README,
    "org.opencontainers.image.description": "A small tool.",
  };
  await t.fill(notes);
  assert.equal((await t.read())?.text, "The README.");
  t.files.set(README, "down");
  await t.fill(notes);
  assert.equal((await t.read())?.text, "The README.");
});

Deno.test("an image that says nothing asks nobody, and bad addresses are not fetched", async () => {
  using t = await open();
  await t.fill({ "org.opencontainers.image.title": "App" });
  assert.deepEqual(t.repo.calls, []);
  await t.fill({
    "io.atcr.readme": "http://169.254.169.254/latest",
    "io.atcr.icon": "file:///etc/passwd",
  });
  assert.deepEqual(t.fetched, []);
  assert.equal(t.record(), undefined);
});

Deno.test("a README of a megabyte is cut at a line, binary ones and pictures of other types are left out", async () => {
  using t = await open();
  t.files.set(README, `${"ü".repeat(40)}\n`.repeat(5_000));
  t.files.set(ICON, "<svg/>");
  await t.fill({ "io.atcr.readme": README, "io.atcr.icon": ICON });
  const found = await t.read();
  assert.ok(found);
  const size = new TextEncoder().encode(found.text).length;
  assert.ok(size <= 100_000 && size > 99_000, `${size}`);
  assert.ok(!found.text.includes("\ufffd") && found.text.endsWith("ü"));
  assert.equal(found.avatar, undefined);
  t.files.set(README, new Uint8Array([0, 1, 2]));
  await t.fill({ "io.atcr.readme": README });
  assert.equal((await t.read())?.text, found.text);
});

Deno.test("a page that changes while it is filled is not overwritten", async () => {
  using t = await open();
  t.repo.put(COLLECTION, RKEY, page("first"));
  t.files.set(
    README,
    new ReadableStream({
      pull: (controller) => {
        // The owner writes while the README is on its way.
        t.repo.put(COLLECTION, RKEY, page("mine", { userEdited: true }));
        controller.enqueue(new TextEncoder().encode("README"));
        controller.close();
      },
    }, { highWaterMark: 0 }),
  );
  const filled = t.fill({ "io.atcr.readme": README });
  await assert.rejects(filled, { code: "CONFLICT" });
  assert.equal(t.record()?.["description"], "mine");
});

Deno.test("what is too large or no picture is refused with a sentence", async () => {
  using t = await open();
  const edit = (text: string, picture?: Uint8Array) =>
    t.pages.edit(t.repo.session, REPO, {
      text,
      ...(picture ? { picture } : {}),
    });
  await assert.rejects(edit("x".repeat(100_001)), { code: "TOO_LARGE" });
  await assert.rejects(edit("x", new Uint8Array(3_000_001)), {
    code: "TOO_LARGE",
  });
  await assert.rejects(edit("x", new Uint8Array(20)), {
    code: "UNSUPPORTED_MEDIA_TYPE",
  });
});
