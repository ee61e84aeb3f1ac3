import assert from "node:assert/strict";
import { lexicons } from "@atproto/api";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import { holdKeys } from "../kv_keys.ts";
import { COLLECTIONS } from "../records.ts";
import { ALICE, BOB, HOLD, noise } from "../testing.ts";
import {
  imageOf,
  openServices,
  type TestServices,
} from "../testing_services.ts";
import { feedName, parseFeedName } from "./feed_names.ts";

const POSTING = { settings: { enableBlueskyPosts: true } };

/** Pushes an image that is posted about; returns the AT-URI of the post. */
async function post(
  hold: TestServices,
  owner: Did,
  repository: string,
  tag = "v1",
): Promise<string> {
  const layer = await hold.push(owner, noise(10));
  const name = `${owner}${repository}${tag}`;
  const event = imageOf(owner, [layer], { repository, tag, name });
  const { postUri } = await hold.notify.push(owner, event);
  assert.ok(postUri);
  hold.clock.advance(3_600_000);
  return postUri;
}

async function feed(hold: TestServices, name: string) {
  const page = await hold.feeds.skeleton(name, 50, undefined);
  assert.ok(page, name);
  lexicons.assertValidXrpcOutput("app.bsky.feed.getFeedSkeleton", {
    feed: page.posts.map((one) => ({ post: one })),
  });
  return page.posts;
}

Deno.test("a feed has the hold's posts, those about an account, or about a repository, newest first", async () => {
  await using hold = await openServices(POSTING);
  const first = await post(hold, ALICE, "team/app");
  const second = await post(hold, BOB, "app");
  const third = await post(hold, ALICE, "tool");
  const all = [third, second, first];
  assert.deepEqual(await feed(hold, "hold"), all);
  assert.deepEqual(await feed(hold, "network"), all);
  assert.deepEqual(await feed(hold, ALICE), [third, first]);
  assert.deepEqual(await feed(hold, `${ALICE}~team~app`), [first]);
  assert.deepEqual(await feed(hold, `${BOB}~none`), []);
  for (const name of ["all", `${ALICE}~UPPER`, `${ALICE}~`, "did:key:z6Mk"]) {
    assert.equal(await hold.feeds.skeleton(name, 50, undefined), undefined);
  }
});

Deno.test("a feed is read page by page, and a text that is no cursor is refused", async () => {
  await using hold = await openServices(POSTING);
  const posts: string[] = [];
  for (const name of ["a", "b", "c"]) {
    posts.unshift(await post(hold, ALICE, name));
  }
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await hold.feeds.skeleton(ALICE, 2, cursor);
    found.push(...page?.posts ?? []);
    cursor = page?.cursor;
  } while (cursor !== undefined);
  assert.deepEqual(found, posts);
  await assert.rejects(
    hold.feeds.skeleton("hold", 2, "yesterday"),
    (error) => isAppError(error, "INVALID_REQUEST"),
  );
});

Deno.test("a post that another one replaces leaves its feeds", async () => {
  await using hold = await openServices(POSTING);
  const layer = await hold.push(ALICE, noise(10));
  const push = async (tag: string) =>
    (await hold.notify.push(ALICE, imageOf(ALICE, [layer], { tag }))).postUri;
  await push("v1");
  const last = await push("v2");
  assert.deepEqual(await feed(hold, "hold"), [last]);
  assert.deepEqual(await feed(hold, `${ALICE}~myapp`), [last]);
});

Deno.test("a published feed is a valid record that names the hold, and is described until it is removed", async () => {
  await using hold = await openServices(POSTING);
  const look = { displayName: "é".repeat(40), description: "d".repeat(400) };
  const uri = await hold.feeds.publish({}, look);
  assert.equal(uri, `at://${HOLD}/app.bsky.feed.generator/hold`);
  const subject = { owner: ALICE, repository: "team/app" };
  const other = await hold.feeds.publish(subject, look);
  assert.deepEqual((await hold.feeds.published()).sort(), [other, uri].sort());
  const rkey = feedName(subject);
  assert.deepEqual(parseFeedName(rkey), subject);
  const record = await hold.records.getRecord(COLLECTIONS.feed, rkey);
  lexicons.assertValidRecord(COLLECTIONS.feed, record?.value);
  assert.equal(record?.value["did"], HOLD);
  assert.equal(record?.value["displayName"], "é".repeat(24));
  assert.equal(await hold.feeds.remove(subject), true);
  assert.equal(await hold.feeds.remove(subject), false);
  assert.deepEqual(await hold.feeds.published(), [uri]);
});

Deno.test("posts from before there were feeds are in them once a feed is published", async () => {
  await using hold = await openServices(POSTING);
  const uri = await post(hold, ALICE, "app");
  const rkey = uri.slice(uri.lastIndexOf("/") + 1);
  for (const name of ["hold", ALICE, `${ALICE}~app`]) {
    await hold.kv.delete(holdKeys.feedPost(name, rkey));
  }
  assert.deepEqual(await feed(hold, ALICE), []);
  await hold.feeds.publish({}, { displayName: "Pushes", description: "" });
  assert.deepEqual(await feed(hold, ALICE), [uri]);
  assert.deepEqual(await feed(hold, "hold"), [uri]);
});

Deno.test("the key of a feed is that of an account, whatever its port", () => {
  const owner: Did = "did:web:localhost%3A5000";
  assert.equal(feedName({ owner }), "did:web:localhost:5000");
  assert.deepEqual(parseFeedName("did:web:localhost:5000"), { owner });
});
