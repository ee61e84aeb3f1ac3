import assert from "node:assert/strict";
import { lexicons } from "@atproto/api";
import fc from "fast-check";
import type { Did } from "../../did.ts";
import { digestOf } from "../../oci/digest.ts";
import { type PostFacts, postRecord } from "./post_record.ts";
import { COLLECTIONS, SELF } from "../records.ts";
import { ALICE, BOB, HOLD, noise } from "../testing.ts";
import {
  imageOf,
  openServices,
  type TestServices,
} from "../testing_services.ts";

const FACTS: PostFacts = {
  did: ALICE,
  handle: "alice.test",
  repository: "team/myapp",
  tags: ["v1"],
  size: 125_400_000,
  layers: 5,
  platforms: [],
  hashtags: 0,
  registryUrl: "https://registry.example.com",
  now: Date.UTC(2026, 0, 1),
};

const POSTING = { settings: { enableBlueskyPosts: true } };

/** The text that each facet covers. */
function facetTexts(record: Record<string, unknown>): string[] {
  const bytes = new TextEncoder().encode(String(record["text"]));
  const facets = record["facets"] as {
    index: { byteStart: number; byteEnd: number };
  }[];
  return facets.map(({ index }) =>
    new TextDecoder().decode(bytes.subarray(index.byteStart, index.byteEnd))
  );
}

async function texts(hold: TestServices): Promise<unknown[]> {
  return (await hold.all("post")).map(({ value }) => value["text"]);
}

Deno.test("a post has image, tag, account, layers and size, and links to the page", async () => {
  const record = await postRecord(FACTS);
  assert.equal(
    record["text"],
    "📦 team/myapp v1 pushed by @alice.test\n5 layers · 125.4 MB\n\n#atcr #container",
  );
  assert.deepEqual(facetTexts(record), ["@alice.test", "#atcr", "#container"]);
  assert.deepEqual(record["embed"], {
    $type: "app.bsky.embed.external",
    external: {
      uri: "https://registry.example.com/r/alice.test/team/myapp",
      title: "alice.test/team/myapp:v1",
      description: "5 layers · 125.4 MB",
    },
  });
  lexicons.assertValidRecord("app.bsky.feed.post", record);
});

Deno.test("a post has the picture that was drawn, and is valid with it", async () => {
  const picture = {
    $type: "blob" as const,
    ref: {
      $link: "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    },
    mimeType: "image/png",
    size: 40_000,
  };
  const { embed } = await postRecord({ ...FACTS, picture });
  const { external } = embed as { external: Record<string, unknown> };
  assert.deepEqual(external["thumb"], picture);
});

Deno.test("a picture is drawn for posts of a public hold only, and names what was pushed", async () => {
  for (const isPublic of [true, false]) {
    const asked: unknown[] = [];
    await using hold = await openServices({
      settings: { enableBlueskyPosts: true, public: isPublic },
      pictureOf: (shown) => {
        asked.push(shown);
        return Promise.resolve(undefined);
      },
    });
    const layer = await hold.push(ALICE, noise(10));
    await hold.notify.push(ALICE, imageOf(ALICE, [layer], { tag: "v1" }));
    assert.equal((await texts(hold)).length, 1);
    const shown = {
      owner: "alice.test",
      repository: "myapp",
      tags: "v1",
      summary: ["1 layer", "10 B"],
    };
    assert.deepEqual(asked, isPublic ? [shown] : []);
  }
});

Deno.test("a post about an account without handle mentions the DID", async () => {
  const record = await postRecord({ ...FACTS, handle: undefined });
  assert.equal(facetTexts(record)[0], ALICE);
  assert.match(
    JSON.stringify(record["embed"]),
    /\/r\/did:plc:alicealicealicealiceal22[^"]*\/team\/myapp"/,
  );
});

Deno.test("a repository named as a website or account is neither link nor mention", async () => {
  const record = await postRecord({
    ...FACTS,
    repository: "example.com/app",
    platforms: ["https://example.org", "@bob.test", "#other"],
  });
  assert.deepEqual(facetTexts(record), ["@alice.test", "#atcr", "#container"]);
});

Deno.test("a post has hashtags of the repository's name, as many as wanted and as fit", async () => {
  const tags = async (facts: Partial<PostFacts>) =>
    facetTexts(await postRecord({ ...FACTS, ...facts })).slice(1).join(" ");
  const repository = "my-team/1.0/container/app";
  assert.equal(
    await tags({ repository, hashtags: 5 }),
    "#atcr #container #my_team #app",
  );
  assert.equal(
    await tags({ repository, hashtags: 1 }),
    "#atcr #container #my_team",
  );
  assert.equal(
    await tags({ repository: "a".repeat(33), hashtags: 5 }),
    "#atcr #container",
  );
});

Deno.test("for any push the post is valid and its facets fit", async () => {
  const name = fc.stringMatching(/^[a-z0-9]+([._-][a-z0-9]+)*$/);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        handle: fc.option(
          fc.stringMatching(/^[a-z]{1,60}(\.[a-z]{1,60}){1,3}$/),
          {
            nil: undefined,
          },
        ),
        repository: fc.array(name, { minLength: 1, maxLength: 20 })
          .map((parts) => parts.join("/")),
        tags: fc.array(fc.stringMatching(/^[\w][\w.-]{0,127}$/), {
          minLength: 1,
          maxLength: 60,
        }),
        hashtags: fc.nat(5),
        size: fc.option(fc.maxSafeNat(), { nil: undefined }),
        layers: fc.option(fc.nat(10_000), { nil: undefined }),
        platforms: fc.array(fc.string({ unit: "grapheme", maxLength: 129 })),
      }),
      async (facts) => {
        const record = await postRecord({ ...FACTS, ...facts });
        lexicons.assertValidRecord("app.bsky.feed.post", record);
        // The repo accepts no unpaired surrogates.
        assert.ok(String(record["text"]).isWellFormed());
        const [mention, ...tags] = facetTexts(record);
        assert.ok(mention?.startsWith(facts.handle ? "@" : "did:"));
        assert.deepEqual(tags.slice(0, 2), ["#atcr", "#container"]);
        assert.ok(tags.length <= 2 + facts.hashtags);
      },
    ),
  );
});

Deno.test("posts are off until enabled in the captain record, at run time", async () => {
  await using hold = await openServices();
  const layer = await hold.push(ALICE, noise(10));
  const push = (tag: string) =>
    hold.notify.push(ALICE, imageOf(ALICE, [layer], { tag }));
  assert.equal((await push("v1")).postUri, undefined);
  const captain = await hold.records.getRecord(COLLECTIONS.captain, SELF);
  await hold.records.apply([{
    action: "put",
    collection: COLLECTIONS.captain,
    rkey: SELF,
    value: { ...captain?.value, enableBlueskyPosts: true },
  }]);
  hold.clock.advance(10_000);
  const { seq } = await hold.records.apply([]);
  const { postUri } = await push("v2");
  assert.ok(postUri?.startsWith(`at://${HOLD}/app.bsky.feed.post/`));
  assert.equal((await hold.records.apply([])).seq, seq + 1);
  const [post] = await hold.all("post");
  assert.equal(post?.uri, postUri);
  lexicons.assertValidRecord("app.bsky.feed.post", post?.value);
});

Deno.test("rapid pushes of one repository end as one post with all tags", async () => {
  await using hold = await openServices(POSTING);
  const layer = await hold.push(ALICE, noise(10));
  for (const tag of ["v1", "v1.2", "latest"]) {
    await hold.notify.push(ALICE, imageOf(ALICE, [layer], { tag }));
    hold.clock.advance(60_000);
  }
  assert.deepEqual(await texts(hold), [
    "📦 myapp v1, v1.2 and latest pushed by @alice.test\n1 layer · 10 B\n\n#atcr #container",
  ]);
  hold.clock.advance(10 * 60_000);
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { tag: "v2" }));
  assert.equal((await texts(hold)).length, 2);
});

Deno.test("a tag that was just posted is not posted again", async () => {
  await using hold = await openServices(POSTING);
  const layer = await hold.push(ALICE, noise(10));
  for (const name of ["a", "b", "c"]) {
    await hold.notify.push(
      ALICE,
      imageOf(ALICE, [layer], { tag: "latest", name }),
    );
  }
  assert.equal(hold.counts["posts"], 1);
});

Deno.test("an index is posted once, with size and platforms, and its children are not", async () => {
  await using hold = await openServices(POSTING);
  const children = [];
  for (const architecture of ["amd64", "arm64"]) {
    const layer = await hold.push(
      ALICE,
      noise(1000, architecture.length + children.length),
    );
    const event = imageOf(ALICE, [layer]);
    await hold.notify.push(ALICE, event);
    children.push({
      digest: event.digest ?? layer,
      size: 500,
      mediaType: event.manifest.mediaType,
      platform: { os: "linux", architecture },
    });
  }
  assert.deepEqual(await texts(hold), []);
  const attestation = {
    digest: digestOf(noise(3)),
    size: 500,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    platform: { os: "unknown", architecture: "unknown" },
  };
  await hold.notify.push(
    ALICE,
    imageOf(ALICE, [], {
      name: "index",
      tag: "v1",
      manifest: {
        mediaType: "application/vnd.oci.image.index.v1+json",
        layers: [],
        manifests: [...children, attestation],
      },
    }),
  );
  assert.deepEqual(await texts(hold), [
    "📦 myapp v1 pushed by @alice.test\n2 kB · linux/amd64, linux/arm64\n\n#atcr #container",
  ]);
});

Deno.test("posts about one account are limited per hour, others are not affected", async () => {
  await using hold = await openServices({ ...POSTING, postsPerHour: 3 });
  const layer = await hold.push(ALICE, noise(10));
  const push = async (owner: Did, repository: string) => {
    const event = imageOf(owner, [layer], {
      repository,
      tag: "v1",
      name: repository,
    });
    return (await hold.notify.push(owner, event)).postUri !== undefined;
  };
  for (const repository of ["a", "b", "c"]) {
    assert.equal(await push(ALICE, repository), true);
  }
  assert.equal(await push(ALICE, "d"), false);
  assert.equal(await push(BOB, "d"), true);
  hold.clock.advance(3_600_000);
  assert.equal(await push(ALICE, "e"), true);
});

Deno.test("an account that opts out is not named", async () => {
  await using hold = await openServices(POSTING);
  const layer = await hold.push(ALICE, noise(10));
  await hold.posts.setOptOut(ALICE, true);
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { tag: "v1" }));
  assert.deepEqual(await texts(hold), []);
  await hold.posts.setOptOut(ALICE, false);
  await hold.notify.push(ALICE, imageOf(ALICE, [layer], { tag: "v2" }));
  assert.equal((await texts(hold)).length, 1);
});

Deno.test("a post that the repo refuses does not prevent the layer records", async () => {
  await using hold = await openServices({
    ...POSTING,
    validator: {
      assertRecord(collection) {
        if (collection === COLLECTIONS.post) throw new Error("bad post");
      },
    },
  });
  const layer = await hold.push(ALICE, noise(10));
  const outcome = await hold.notify.push(
    ALICE,
    imageOf(ALICE, [layer], { tag: "v1" }),
  );
  assert.deepEqual(outcome, {
    layersCreated: 1,
    statsUpdated: true,
    postUri: undefined,
  });
  assert.equal(hold.counts["failed post"], 1);
});
