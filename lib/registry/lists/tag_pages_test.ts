import assert from "node:assert/strict";
import fc from "fast-check";
import type { Did } from "../../did.ts";
import { systemClock } from "../../clock.ts";
import { planJob } from "../../kv/jobs/jobs.ts";
import type { Digest } from "../../oci/digest.ts";
import { ManifestIndex, type RepoRef } from "../manifests/manifest_index.ts";
import { registryKeys } from "../kv_keys.ts";
import type { ManifestRow, TagRow } from "../rows.ts";
import { TagPages } from "./tag_pages.ts";
import { openKv } from "../../kv/open_kv.ts";
import { REMOVAL } from "../manifests/removal_job.ts";

const DID: Did = "did:plc:tagpagestagpagestagpages";
const HOLD: Did = "did:web:hold.example.com";
const REF: RepoRef = { did: DID, repo: "app" };
const DIGEST: Digest = `sha256:${"a".repeat(64)}`;
const OTHER: Digest = `sha256:${"b".repeat(64)}`;
const MANIFEST: ManifestRow = {
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  size: 2,
  holdDid: HOLD,
  createdAt: 0,
};

function row(digest: Digest): TagRow {
  return {
    digest,
    mediaType: MANIFEST.mediaType,
    size: 2,
    holdDid: HOLD,
    rkey: "r",
    updatedAt: 0,
    checkedAt: 0,
  };
}

/** Two programs on one store. */
async function withTwo(
  work: (writer: ManifestIndex, reader: ManifestIndex) => Promise<void>,
): Promise<void> {
  const kv = await openKv(":memory:");
  try {
    await work(new ManifestIndex(kv), new ManifestIndex(kv));
  } finally {
    kv.close();
  }
}

async function put(
  index: ManifestIndex,
  digest: Digest,
  tags: readonly string[],
): Promise<void> {
  await index.put(REF, {
    digest,
    row: MANIFEST,
    tags: tags.map((tag) => ({ tag, row: row(digest) })),
    removals: await index.removals.read(REF),
  });
}

/** Deletes a manifest; the rows of its tags remain for now. */
async function remove(index: ManifestIndex, digest: Digest): Promise<void> {
  const work = { ...REF, digest };
  const job = planJob(systemClock, REMOVAL, work);
  await index.removals.begin(REF, digest, MANIFEST, job.rows);
}

/** Removes the rows left by a delete. */
async function finish(index: ManifestIndex, digest: Digest): Promise<void> {
  const { removals } = index;
  const removal = (await removals.read(REF)).pending[digest];
  if (!removal) return;
  const tags = await removals.tags(REF, digest, removal, 100);
  await removals.drop(REF, digest, tags);
  await removals.end(REF, digest, removal);
}

Deno.test("a page of tags reflects every change of another process", async () => {
  const tag = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const digest = fc.constantFrom(DIGEST, OTHER);
  const step = fc.oneof(
    fc.record({ kind: fc.constant("put"), tags: fc.array(tag), digest }),
    fc.record({ kind: fc.constant("set"), tags: fc.tuple(tag), digest }),
    fc.record({ kind: fc.constant("remove"), tags: fc.tuple(tag), digest }),
    fc.record({ kind: fc.constant("manifest"), tags: fc.tuple(), digest }),
    fc.record({ kind: fc.constant("finish"), tags: fc.tuple(), digest }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      await withTwo(async (writer, reader) => {
        const expected = new Map<string, Digest>();
        for (const { kind, tags, digest } of steps) {
          const [first = ""] = tags;
          const known = await writer.tag(REF, first);
          if (kind === "put") await put(writer, digest, tags);
          const isSet = kind === "set" && await writer.tagChanges.set(
            REF,
            first,
            row(digest),
            known,
            await writer.removals.read(REF),
          );
          if (kind === "finish") await finish(writer, digest);
          if (kind === "put" || isSet) {
            for (const one of tags) expected.set(one, digest);
          }
          if (kind === "remove" && known) {
            await writer.tagChanges.remove(REF, first, known);
            expected.delete(first);
          }
          if (kind === "manifest") {
            await remove(writer, digest);
            for (const [one, at] of expected) {
              if (at === digest) expected.delete(one);
            }
          }
          const names = [...expected.keys()].sort();
          assert.deepEqual(await reader.tagNames(REF, { limit: 10 }), names);
          assert.deepEqual(
            await reader.tagNames(REF, { limit: 2, last: "b" }),
            names.filter((name) => name > "b").slice(0, 2),
          );
        }
      });
    }),
    { numRuns: 60 },
  );
});

Deno.test("a page is not cached if a tag was created while it was read", async () => {
  const kv = await openKv(":memory:");
  try {
    const pages = new TagPages(kv);
    let reads = 0;
    const list = () => {
      reads++;
      return Promise.resolve(["a"]);
    };
    const overtaken = async () => {
      const names = await list();
      const change = kv.atomic();
      change.set(registryKeys.tagsChanged(DID, "app"), 1);
      await change.commit();
      return names;
    };
    await pages.get(DID, "app", { limit: 10 }, overtaken);
    await pages.get(DID, "app", { limit: 10 }, list);
    assert.equal(reads, 2);
    await pages.get(DID, "app", { limit: 10 }, list);
    assert.equal(reads, 2, "read again without need");
  } finally {
    kv.close();
  }
});
