import assert from "node:assert/strict";
import { rowsBelow } from "../index/testing_rows.ts";
import type { CardRow } from "../index/cards/rows.ts";
import { OwnerNames } from "../index/search/owner_names.ts";
import { OwnChanges } from "../index/cards/own_changes.ts";
import {
  bytesOf,
  REF,
  startTestManifests,
} from "../registry/manifests/testing_manifests.ts";
import type { Did } from "../did.ts";
import { systemClock } from "../clock.ts";
import { openKv } from "../kv/open_kv.ts";
import { type Digest, digestOf } from "../oci/digest.ts";
import { MAX_TAGS, parseManifest } from "../oci/manifest.ts";
import { ManifestIndex } from "../registry/manifests/manifest_index.ts";

const start = () =>
  startTestManifests((kv, clock) =>
    new OwnChanges(kv, clock, new OwnerNames(kv))
  );
type Registry = Awaited<ReturnType<typeof start>>;

/** Rows of one kind, without the owner. */
async function rows({ kv }: Registry, kind: string): Promise<string[]> {
  const all = await rowsBelow(kv, ["index", 1, kind]);
  return all.map((line) => line.replaceAll(`${REF.did} `, ""));
}

function hex(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1);
}

async function card({ kv }: Registry) {
  const found = await kv.get(["index", 1, "card", REF.did, REF.repo]);
  return found?.value as {
    tags: number;
    newest?: { tag: string; digest: string };
    image?: unknown;
  } | undefined;
}

Deno.test("a push is on the card, in both orders and among the words at once", async () => {
  using registry = await start();
  const digest = await registry.put("one", ["latest"]);
  const found = await card(registry);
  assert.equal(found?.tags, 1);
  assert.deepEqual(found.newest, {
    tag: "latest",
    digest,
    at: registry.clock.now(),
  });
  assert.equal((await rows(registry, "updated")).length, 1);
  assert.equal((await rows(registry, "updated_of")).length, 1);
  assert.deepEqual(await rows(registry, "word"), [
    ' 31 app "artifact"',
    'app 31 app "artifact"',
  ]);
  assert.deepEqual(await rows(registry, "name"), ["app 1"]);
  assert.deepEqual(await rows(registry, "digest_tag"), [
    `${hex(digest)} app latest 1`,
  ]);
});

Deno.test("a tag that moves leaves no row of where it was", async () => {
  using registry = await start();
  const first = await registry.put("one", ["latest"]);
  registry.clock.advance(1_000);
  const second = await registry.put("two", ["latest"]);
  assert.equal((await card(registry))?.tags, 1);
  for (const kind of ["tag", "tag_time", "digest_tag", "updated"]) {
    assert.equal((await rows(registry, kind)).length, 1, kind);
  }
  assert.deepEqual(await rows(registry, "digest_tag"), [
    `${hex(second)} app latest 1`,
  ]);
  const moves = await rowsBelow(registry.kv, ["observed", "tag_move"]);
  assert.equal(moves.length, 2);
  assert.match(
    moves[0] ?? "",
    new RegExp(`"from":"${first}","to":"${second}"`),
  );
});

Deno.test("the card falls back to the tag before when the newest is deleted", async () => {
  using registry = await start();
  const first = await registry.put("one", ["v1"]);
  registry.clock.advance(1_000);
  await registry.put("two", ["v2"]);
  await registry.removeTag("v2");
  const found = await card(registry);
  assert.equal(found?.newest?.tag, "v1");
  assert.equal(found.newest.digest, first);
  assert.equal(found.tags, 1);
  assert.equal((await rows(registry, "updated")).length, 1);
});

Deno.test("a repository without tags is found by nobody", async () => {
  using registry = await start();
  await registry.put("one", ["v1", "v2"]);
  await registry.remove("one");
  await registry.work();
  assert.equal(await card(registry), undefined);
  const left = await rowsBelow(registry.kv, ["index", 1]);
  // The owner is still known by name.
  assert.deepEqual(
    left.filter((line) => !/^(handle|owner|owner_word) /.test(line)),
    [],
  );
});

Deno.test("many tags of a deleted manifest leave with the job that removes them", async () => {
  using registry = await start();
  await registry.putMany("one", "t", 500);
  registry.clock.advance(1_000);
  await registry.put("two", ["kept"]);
  await registry.remove("one");
  assert.deepEqual(
    (await rows(registry, "manifest")).map((line) => line.split(" ")[0]),
    [hex(digestOf(bytesOf("two")))],
  );
  await registry.work();
  const found = await card(registry);
  assert.equal(found?.tags, 1);
  assert.equal(found.newest?.tag, "kept");
  assert.equal((await rows(registry, "tag_time")).length, 1);
});

Deno.test("pushes of many tags at the same moment are all counted", async () => {
  using registry = await start();
  await Promise.all(
    Array.from({ length: 30 }, (_, i) => registry.put(`m${i}`, [`t${i}`])),
  );
  assert.equal((await card(registry))?.tags, 30);
  assert.equal((await rows(registry, "tag_time")).length, 30);
  assert.equal((await rows(registry, "updated")).length, 1);
});

Deno.test("a push of 50 tags with the longest names is taken and indexed whole", async () => {
  using registry = await start();
  const tags = Array.from(
    { length: 50 },
    (_, i) => `${"t".repeat(120)}-${String(i).padStart(4, "0")}`,
  );
  await registry.put("one", tags);
  assert.equal((await card(registry))?.tags, 50);
  const repo = "r".repeat(220);
  const own = new OwnChanges(
    registry.kv,
    registry.clock,
    new OwnerNames(registry.kv),
  );
  const digest = digestOf(bytesOf("one"));
  const at = registry.clock.now();
  const change = {
    ...REF,
    repo,
    tags: tags.map((tag) => ({ tag, rkey: `${tag}_x`, to: { digest, at } })),
  };
  const commit = registry.kv.atomic();
  await own.add(commit, change, await registry.kv.getMany(own.reads(change)));
  assert.ok(await commit.commit());
  await own.finish(change);
  const found = await registry.kv.get<CardRow>([
    "index",
    1,
    "card",
    REF.did,
    repo,
  ]);
  assert.equal(found?.value.tags, 50);
});

Deno.test("the maximum of tags with the longest names is set, moved and deleted", async () => {
  const kv = await openKv(":memory:");
  const changes = new OwnChanges(kv, systemClock, new OwnerNames(kv));
  const index = new ManifestIndex(kv, changes);
  const did: Did = `did:web:${"d".repeat(63)}.${"d".repeat(63)}.${
    "d".repeat(63)
  }.${"d".repeat(56)}.com`;
  const ref = { did, repo: "r".repeat(250) };
  const mediaType = "application/vnd.oci.image.index.v1+json";
  const children = Array.from({ length: 40 }, (_, i) => ({
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: `sha512:${String(i).padStart(128, "0")}`,
    size: 1,
  }));
  const manifest = parseManifest(new TextEncoder().encode(JSON.stringify({
    ...{ schemaVersion: 2, mediaType, manifests: children },
    annotations: {
      "org.opencontainers.image.description": "a1 b2 ".repeat(40),
    },
  })));
  const row = { mediaType, size: 1, holdDid: did, createdAt: 1 };
  const put = async (digest: Digest, updatedAt: number, from = 0) =>
    await index.put(ref, {
      ...{ digest, row, manifest, removals: await index.removals.read(ref) },
      tags: Array.from({ length: MAX_TAGS }, (_, i) => {
        const tag = String(from + i).padEnd(128, "t");
        const { mediaType, size, holdDid } = row;
        const set = {
          digest,
          updatedAt,
          checkedAt: updatedAt,
          rkey: `${from + i}`,
        };
        return { tag, row: { ...set, mediaType, size, holdDid } };
      }),
      also: [{ key: ["content", digest], row: new Uint8Array(60_000) }],
    });
  const tagsOfCard = async () => {
    const card = await kv.get<{ tags: number }>([
      ...["index", 1, "card", did, ref.repo],
    ]);
    return card?.value.tags ?? 0;
  };
  const [first, second]: Digest[] = [
    `sha512:${"a".repeat(128)}`,
    `sha512:${"b".repeat(128)}`,
  ];
  assert.ok(first && second);
  await put(first, 1);
  await put(second, 2);
  assert.equal(await tagsOfCard(), MAX_TAGS);
  const leading = await rowsBelow(kv, ["index", 1, "digest_tag", did]);
  assert.equal(leading.length, MAX_TAGS);
  assert.ok(leading.every((line) => line.startsWith(hex(second))));
  for (const from of [MAX_TAGS, 2 * MAX_TAGS]) await put(second, 3, from);
  assert.equal(await tagsOfCard(), 3 * MAX_TAGS);
  const removal = await index.removals.begin(ref, second, row, []);
  const tags = await index.removals.tags(ref, second, removal, 1_000);
  await index.removals.drop(ref, second, tags);
  assert.equal(await tagsOfCard(), 0);
  kv.close();
});
