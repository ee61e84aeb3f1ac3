import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import { writeTag } from "../../atproto/records/record_writers.ts";
import { tagRkey } from "../../atproto/records/rkeys.ts";
import { ManualClock } from "../../clock.ts";
import { ALICE, HOLD } from "../../hold/testing.ts";
import { openKv } from "../../kv/deno_kv.ts";
import { LargeValues } from "../../kv/large_value.ts";
import { silentLogger } from "../../log.ts";
import { digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { registryKeys } from "../kv_keys.ts";
import { ManifestContent } from "./content.ts";
import { Discovery } from "./discovery.ts";
import type { ManifestImport } from "./manifest_import.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { manifestRow } from "./manifest_rows.ts";
import type { OwnerReader } from "../owners/owner_reader.ts";

const OWNER: Identity = {
  did: ALICE,
  handle: "alice.test",
  pds: "https://pds.example",
  signingKey: undefined,
  services: {},
};
const REF = { did: ALICE, repo: "app" } as const;
const RELIST = 600_000;
const BYTES = new TextEncoder().encode(
  JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [] }),
);
const DIGEST = digestOf(BYTES);

/** An owner's repo that a test writes tags to, as another service would. */
async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const index = new ManifestIndex(kv);
  const records = new Map<string, Record<string, unknown>>();
  const listed = { times: 0, then: () => Promise.resolve() };
  const reader: Pick<OwnerReader, "record" | "list"> = {
    record: (_owner, _collection, rkey) => Promise.resolve(records.get(rkey)),
    list: async function* () {
      listed.times++;
      const page = [...records];
      await listed.then();
      for (const [rkey, value] of page) yield { rkey, value };
    },
  };
  const content = new ManifestContent(new LargeValues(kv, clock));
  const discovery = new Discovery({
    kv,
    clock,
    log: silentLogger,
    reader: reader as OwnerReader,
    index,
    content,
    imports: {} as Partial<ManifestImport> as ManifestImport,
    relistMs: RELIST,
  });
  await content.put(DIGEST, BYTES);
  await index.put(REF, {
    digest: DIGEST,
    row: manifestRow(parseManifest(BYTES, OCI_INDEX), {
      size: BYTES.length,
      holdDid: HOLD,
      blob: undefined,
      createdAt: clock.now(),
      rkey: undefined,
    }),
    tags: [],
    removals: await index.removals.read(REF),
  });
  const write = (tag: string) =>
    records.set(
      tagRkey(REF.repo, tag),
      writeTag({
        did: ALICE,
        repository: REF.repo,
        tag,
        digest: DIGEST,
        mediaType: OCI_INDEX,
        now: clock.now(),
      }),
    );
  const tags = async () => {
    await discovery.ensureTagsListed(OWNER);
    return await index.tagNames(REF, { limit: 100 });
  };
  /** The tags when the list that was begun now has been read. */
  const tagsInTheEnd = async () => {
    await discovery.ensureTagsListed(OWNER);
    const key = registryKeys.synced(ALICE, "io.atcr.tag");
    while ((await kv.get<number>(key))?.value !== clock.now()) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return await index.tagNames(REF, { limit: 100 });
  };
  return {
    clock,
    records,
    listed,
    write,
    tags,
    tagsInTheEnd,
    [Symbol.dispose]: () => kv.close(),
  };
}

Deno.test("tags that another service adds are known after a while, without listing all the time", async () => {
  using t = await setUp();
  t.write("first");
  assert.deepEqual(await t.tags(), ["first"]);
  t.write("second");
  t.clock.advance(RELIST - 1);
  assert.deepEqual(await t.tags(), ["first"]);
  assert.equal(t.listed.times, 1);
  t.clock.advance(1);
  assert.deepEqual(await t.tagsInTheEnd(), ["first", "second"]);
  await t.tags();
  assert.equal(t.listed.times, 2);
});

Deno.test("a tag that is deleted while the tags are listed again does not come back", async () => {
  using t = await setUp();
  await t.tags();
  t.write("gone");
  t.clock.advance(RELIST);
  t.listed.then = () => {
    t.records.clear();
    return Promise.resolve();
  };
  assert.deepEqual(await t.tagsInTheEnd(), []);
});
