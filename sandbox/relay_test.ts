import assert from "node:assert/strict";
import {
  type JetstreamOptions,
  readJetstream,
} from "../lib/atproto/jetstream/jetstream.ts";
import type { JetstreamEvent } from "../lib/atproto/jetstream/jetstream_event.ts";
import { systemClock } from "../lib/clock.ts";
import { parseDid } from "../lib/did.ts";
import {
  createAccount,
  startTestSandbox,
  type TestSandbox,
} from "../tests/support/sandbox.ts";
import { asOwner, PdsAccount } from "../tests/support/pds.ts";

const STAR = "io.atcr.sailor.star";

/** Opens the stream of the sandbox at the old endpoint or the new one. */
function open(
  { relay }: TestSandbox,
  path: "subscribe" | "xrpc/network.bsky.jetstream.subscribeEvents",
  options: Partial<JetstreamOptions> = {},
) {
  const url = `${relay.replace("http", "ws")}/${path}`;
  const abort = new AbortController();
  const batches = readJetstream(
    {
      url,
      collections: [STAR],
      cursor: undefined,
      userAgent: "test",
      ...options,
    },
    systemClock,
    abort.signal,
  );
  const events: JetstreamEvent[] = [];
  return {
    /** Reads until `done`, and gives everything that came so far. */
    until: async (done: (event: JetstreamEvent) => boolean) => {
      while (!events.some(done)) {
        const { value } = await batches.next();
        events.push(...value?.events ?? []);
      }
      return events;
    },
    close: () => abort.abort(),
  };
}

const starOf = (n: number) => ({
  $type: STAR,
  subject: `at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/io.atcr.repo.page/a${n}`,
  createdAt: "2026-01-01T00:00:00.000Z",
});

Deno.test("what happens at the PDS is streamed and replayed, on both endpoints", async () => {
  await using sandbox = await startTestSandbox();
  const alice = new PdsAccount(sandbox.pds, sandbox.alice);
  const before = Date.now() * 1000;
  const live = open(sandbox, "subscribe", { cursor: before });
  await alice.put(STAR, "one", starOf(1));
  const put = await alice.record(STAR, "one");
  await alice.put("io.atcr.sailor.profile", "self", {
    createdAt: "2026-01-01T00:00:00.000Z",
  });
  await alice.delete(STAR, "one");
  const isDelete = (event: JetstreamEvent) =>
    event.kind === "commit" && event.operation === "delete";
  const events = await live.until(isDelete);
  live.close();
  const commits = events.filter(({ kind }) => kind === "commit");
  assert.equal(commits.length, 2);
  const [created, deleted] = commits;
  assert.ok(created?.kind === "commit" && deleted?.kind === "commit");
  assert.equal(created.did, sandbox.alice.did);
  assert.equal(created.cid, put?.cid);
  assert.deepEqual(created.record, starOf(1));
  assert.equal(deleted.record, undefined);
  assert.ok(created.rev < deleted.rev);
  assert.ok(created.timeUs < deleted.timeUs);

  // The same from a place on the new endpoint, and nothing of other accounts.
  await new PdsAccount(sandbox.pds, sandbox.bob).put(STAR, "two", starOf(2));
  const did = parseDid(sandbox.alice.did) ?? assert.fail();
  const replayed = open(
    sandbox,
    "xrpc/network.bsky.jetstream.subscribeEvents",
    { cursor: created.timeUs, dids: [did] },
  );
  assert.deepEqual(await replayed.until(isDelete), [deleted]);
  replayed.close();
});

Deno.test("accounts come, go and are reset in the stream", async () => {
  await using sandbox = await startTestSandbox();
  const path = "xrpc/network.bsky.jetstream.subscribeEvents";
  const stream = open(sandbox, path, { cursor: Date.now() * 1000 });
  const carol = await createAccount(sandbox, "carol.test");
  await asOwner(sandbox.pds, carol, "com.atproto.server.deactivateAccount", {});
  await stream.until((event) => event.kind === "account" && !event.active);
  await asOwner(sandbox.pds, carol, "com.atproto.server.activateAccount");
  const isBack = (event: JetstreamEvent) =>
    event.kind === "sync" && event.did === carol.did;
  const events = await stream.until(isBack);
  stream.close();
  const kinds = events.filter(({ did }) => did === carol.did)
    .map((event) => event.kind === "account" ? event.active : event.kind);
  assert.deepEqual(kinds.slice(0, 2), ["identity", true]);
  assert.ok(kinds.includes(false));
});

Deno.test("the relay knows which repos have records of a collection, page by page", async () => {
  await using sandbox = await startTestSandbox();
  const accounts = [sandbox.alice, sandbox.bob];
  for (const account of accounts) {
    await new PdsAccount(sandbox.pds, account).put(STAR, "one", starOf(1));
  }
  const list = async (query: Record<string, string>) => {
    const response = await fetch(
      `${sandbox.relay}/xrpc/com.atproto.sync.listReposByCollection?${new URLSearchParams(
        query,
      )}`,
    );
    return { status: response.status, ...await response.json() };
  };
  const first = await list({ collection: STAR, limit: "1" });
  const second = await list({ collection: STAR, cursor: first.cursor });
  assert.deepEqual(
    [...first.repos, ...second.repos].map(({ did }) => did).toSorted(),
    accounts.map(({ did }) => did).toSorted(),
  );
  assert.equal(second.cursor, undefined);
  assert.deepEqual((await list({ collection: "io.atcr.tag" })).repos, []);
  assert.equal((await list({})).status, 400);
});
