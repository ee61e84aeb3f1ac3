import assert from "node:assert/strict";
import { manifestRkey } from "../../atproto/records/rkeys.ts";
import { digestOf } from "../../oci/digest.ts";
import { rowsBelow } from "../testing_rows.ts";
import { cardKeys } from "./kv_keys.ts";
import type { CardRow, FactsRow } from "./rows.ts";
import {
  ALICE,
  HOLD,
  imageBytes,
  indexBytes,
  MANIFEST,
  manifestRecord,
  revOf,
  startTestRecords,
} from "./testing_records.ts";

type Index = Awaited<ReturnType<typeof startTestRecords>>;

async function cardOf({ kv }: Index, repo: string) {
  return (await kv.get<CardRow>(["index", 1, "card", ALICE, repo]))?.value;
}

const moves = ({ kv }: Index) => rowsBelow(kv, ["observed", "tag_move"]);
const derived = ({ kv }: Index) => rowsBelow(kv, ["index", 1]);

Deno.test("an image that was pushed elsewhere has a card with what its record says", async () => {
  using index = await startTestRecords();
  const amd = imageBytes("amd", ["base"]);
  const arm = imageBytes("arm", ["base"]);
  await index.manifest("team/app", amd);
  await index.manifest("team/app", arm);
  const both = indexBytes([
    { digest: digestOf(amd), platform: "linux/amd64" },
    { digest: digestOf(arm), platform: "linux/arm64" },
    { digest: digestOf(imageBytes("proof")), platform: "unknown/unknown" },
  ]);
  const digest = await index.manifest("team/app", both);
  await index.tag("team/app", "v1", digest);
  const card = await cardOf(index, "team/app");
  assert.deepEqual(card?.image, {
    kind: "image",
    mediaType: "application/vnd.oci.image.index.v1+json",
    holdDid: HOLD,
    platforms: ["linux/amd64", "linux/arm64"],
  });
  assert.equal(card.newest?.digest, digest);
  const words = await rowsBelow(index.kv, ["index", 1, "word"]);
  assert.deepEqual(words.map((line) => line.split(" ")[0]), [
    "",
    "app",
    "team",
  ]);
});

Deno.test("events that come twice, or late, change nothing", async () => {
  using index = await startTestRecords();
  const [one, two] = [imageBytes("one"), imageBytes("two")];
  const first = await index.manifest("app", one, { rev: revOf(1) });
  const tagged = index.clock.now();
  await index.tag("app", "v1", first, { rev: revOf(1) });
  index.clock.advance(1_000);
  const second = await index.manifest("app", two, { rev: revOf(2) });
  await index.tag("app", "v1", second, { rev: revOf(2) });
  const [rows, observed] = [await derived(index), await moves(index)];
  await index.tag("app", "v1", first, { rev: revOf(1) }, tagged);
  await index.tag("app", "v1", second, { rev: revOf(2) });
  assert.deepEqual(await derived(index), rows);
  assert.deepEqual(await moves(index), observed);
  assert.equal(observed.length, 2);
});

Deno.test("a record that was deleted does not come back by an older event", async () => {
  using index = await startTestRecords();
  const bytes = imageBytes("one");
  const digest = await index.manifest("app", bytes, { rev: revOf(1) });
  await index.tag("app", "v1", digest, { rev: revOf(1) });
  await index.apply({ rkey: "app_v1", rev: revOf(2) });
  await index.apply({
    collection: MANIFEST,
    rkey: manifestRkey(digest),
    rev: revOf(2),
  });
  assert.deepEqual(await derived(index), []);
  await index.manifest("app", bytes, { rev: revOf(1) });
  await index.tag("app", "v1", digest, { rev: revOf(1) });
  assert.deepEqual(await derived(index), []);
  await index.manifest("app", bytes, { rev: revOf(3) });
  await index.tag("app", "v1", digest, { rev: revOf(3) });
  assert.equal((await cardOf(index, "app"))?.tags, 1);
});

Deno.test("a tag whose manifest comes later is shown from then on", async () => {
  using index = await startTestRecords();
  const bytes = imageBytes("one");
  await index.tag("app", "v1", digestOf(bytes));
  assert.equal((await cardOf(index, "app"))?.image, undefined);
  assert.deepEqual(await rowsBelow(index.kv, ["index", 1, "updated"]), []);
  await index.manifest("app", bytes);
  assert.equal((await cardOf(index, "app"))?.image?.kind, "image");
  assert.equal((await rowsBelow(index.kv, ["index", 1, "updated"])).length, 1);
  await index.apply({
    collection: MANIFEST,
    rkey: manifestRkey(digestOf(bytes)),
    rev: revOf(9),
  });
  assert.deepEqual(await rowsBelow(index.kv, ["index", 1, "updated"]), []);
});

Deno.test("of two records that claim a tag the later one counts, and the other when that is gone", async () => {
  using index = await startTestRecords();
  const first = await index.manifest("app", imageBytes("one"));
  const second = await index.manifest("app", imageBytes("two"));
  const early = index.clock.now();
  index.clock.advance(1_000);
  await index.tag("app", "v1", second, { rkey: "somebody-else" });
  await index.tag("app", "v1", first, {}, early);
  assert.equal((await cardOf(index, "app"))?.newest?.digest, second);
  assert.equal((await cardOf(index, "app"))?.tags, 1);
  await index.apply({ rkey: "somebody-else" });
  assert.equal((await cardOf(index, "app"))?.newest?.digest, first);
});

Deno.test("a record that names another tag than before takes the former one away", async () => {
  using index = await startTestRecords();
  const digest = await index.manifest("app", imageBytes("one"));
  await index.tag("app", "v1", digest, { rkey: "fixed" });
  await index.tag("other", "v2", digest, { rkey: "fixed" });
  assert.equal(await cardOf(index, "app"), undefined);
  assert.equal((await cardOf(index, "other"))?.tags, 1);
  await index.tag("other", "v3", digest, { rkey: "fixed" });
  assert.deepEqual(
    (await rowsBelow(index.kv, ["index", 1, "tag"])).map((line) =>
      line.split(" ").slice(1, 3).join(":")
    ),
    ["other:v3"],
  );
});

Deno.test("names with underscores are distinguished by the fields of their records", async () => {
  using index = await startTestRecords();
  const digest = await index.manifest("a", imageBytes("one"));
  await index.tag("a_b", "c", digest, { rkey: "a_b_c" });
  await index.tag("a", "b_c", digest, { rkey: "a:b_c" });
  assert.equal((await cardOf(index, "a_b"))?.tags, 1);
  assert.equal((await cardOf(index, "a"))?.tags, 1);
  await index.apply({ rkey: "a_b_c" });
  assert.equal(await cardOf(index, "a_b"), undefined);
  assert.equal((await cardOf(index, "a"))?.tags, 1);
});

Deno.test("records that are none, or name what cannot be, are counted and left out", async () => {
  using index = await startTestRecords();
  const digest = digestOf(imageBytes("one"));
  for (const record of [null, 7, "x", [], {}, { $type: "io.atcr.tag" }]) {
    await index.apply({ rkey: "app_v1", record });
  }
  await index.tag("../../etc", "v1", digest, { rkey: "x" });
  await index.tag("did:plc:other/app", "v1", digest, { rkey: "y" });
  await index.tag("app", "not a tag", digest, { rkey: "z" });
  const broken = manifestRecord("app", imageBytes("one"), index.clock.now());
  await index.apply({
    collection: MANIFEST,
    rkey: "m",
    record: { ...broken, layers: "many" },
  });
  assert.equal(index.ignored.length, 10);
  assert.deepEqual(await derived(index), []);
});

Deno.test("a record that breaks takes away what it said before", async () => {
  using index = await startTestRecords();
  const digest = await index.manifest("app", imageBytes("one"));
  await index.tag("app", "v1", digest);
  await index.apply({
    rkey: "app_v1",
    record: { $type: "io.atcr.tag", tag: 1 },
  });
  assert.equal(await cardOf(index, "app"), undefined);
});

Deno.test("a date to come does not put a repository first, also when it is listed again", async () => {
  using index = await startTestRecords();
  const seen = index.clock.now();
  const digest = await index.manifest("app", imageBytes("one"));
  const future = seen + 365 * 86_400_000;
  await index.tag("app", "v1", digest, {}, future);
  assert.equal((await cardOf(index, "app"))?.newest?.at, seen);
  index.clock.advance(86_400_000);
  await index.tag("app", "v1", digest, {}, future);
  assert.equal((await cardOf(index, "app"))?.newest?.at, seen);
});

Deno.test("an owner has no more tags and repositories than the bounds", async () => {
  using index = await startTestRecords({ maxTags: 5, maxRepositories: 2 });
  const digest = await index.manifest("a", imageBytes("one"));
  for (let i = 0; i < 10; i++) await index.tag("a", `t${i}`, digest);
  assert.equal((await cardOf(index, "a"))?.tags, 5);
  await index.apply({ rkey: "a_t0" });
  for (const repo of ["b", "c", "d"]) await index.tag(repo, "t", digest);
  const names = await rowsBelow(index.kv, ["index", 1, "name"]);
  assert.deepEqual(names.map((line) => line.split(" ")[0]), ["a", "b"]);
  // A tag that is there can move all the same.
  index.clock.advance(1_000);
  const second = await index.manifest("a", imageBytes("two"));
  await index.tag("a", "t1", second);
  assert.equal((await cardOf(index, "a"))?.newest?.digest, second);
});

Deno.test("a listing is no move of a tag", async () => {
  using index = await startTestRecords();
  const digest = await index.manifest("app", imageBytes("one"));
  await index.tag("app", "v1", digest);
  assert.deepEqual(await moves(index), []);
});

Deno.test("the keys of all records that count can be listed", async () => {
  using index = await startTestRecords();
  const bytes = imageBytes("one");
  const digest = await index.manifest("app", bytes, { rkey: "strange" });
  await index.tag("app", "v1", digest);
  await index.tag("app", "v1", digest, { rkey: "other" });
  const known = (collection: string) =>
    Array.fromAsync(
      index.records.known(ALICE, collection),
      ({ rkey }) => rkey,
    );
  assert.deepEqual(await known(MANIFEST), ["strange"]);
  assert.deepEqual((await known("io.atcr.tag")).sort(), ["app_v1", "other"]);
});

Deno.test("layers and children lead to the manifests that have them, as long as these are there", async () => {
  using index = await startTestRecords();
  const child = imageBytes("one", ["base", "top"]);
  await index.manifest("app", child);
  const parent = indexBytes([{
    digest: digestOf(child),
    platform: "linux/amd64",
  }]);
  const digest = await index.manifest("app", parent);
  assert.equal((await rowsBelow(index.kv, ["index", 1, "layer"])).length, 2);
  assert.equal((await rowsBelow(index.kv, ["index", 1, "in_index"])).length, 1);
  for (const one of [digest, digestOf(child)]) {
    await index.apply({ collection: MANIFEST, rkey: manifestRkey(one) });
  }
  assert.deepEqual(await derived(index), []);
});

Deno.test("another record with the same digest does not say less than the bytes did", async () => {
  using index = await startTestRecords();
  const bytes = imageBytes("one");
  const digest = digestOf(bytes);
  await index.kv.set(cardKeys.manifest(ALICE, digest), {
    ...{ mediaType: "m", kind: "helm", repo: "app", holdDid: HOLD },
    ...{ createdAt: index.clock.now(), exact: true },
  });
  await index.manifest("moved", bytes, { rev: revOf(2) });
  const found = await index.kv.get<FactsRow>(cardKeys.manifest(ALICE, digest));
  assert.equal(found?.value.kind, "helm");
  assert.equal(found.value.repo, "moved");
});
