import assert from "node:assert/strict";
import { systemClock } from "../../clock.ts";
import { HOLD } from "../../hold/testing.ts";
import { openKv } from "../../kv/open_kv.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { isAppError } from "../../errors.ts";
import type { ManifestRow, TagRow } from "../rows.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { ManifestUses } from "./manifest_uses.ts";
import { bytesOf, REF } from "./testing_manifests.ts";

const BLOB = digestOf(new TextEncoder().encode("blob"));
const CHILD = digestOf(bytesOf("child"));

/** A repository with the index "known"; its bytes are available, those of others are not. */
async function setUp() {
  const kv = await openKv(":memory:", systemClock);
  const index = new ManifestIndex(kv);
  const contents = new Map<Digest, Uint8Array<ArrayBuffer>>();
  const reads: Digest[] = [];
  const uses = new ManifestUses({
    kv,
    bytes: (_ref, digest) => {
      reads.push(digest);
      return Promise.resolve(contents.get(digest));
    },
    allowed: false,
  });
  const store = async (name: string, ...tags: string[]) => {
    const digest = digestOf(bytesOf(name));
    const common = { mediaType: OCI_INDEX, size: 1, holdDid: HOLD };
    const row: ManifestRow = { ...common, createdAt: 0 };
    const times = { updatedAt: 0, checkedAt: 0 };
    const tagRow: TagRow = { ...common, ...times, digest, rkey: "" };
    await index.put(REF, {
      digest,
      row,
      tags: tags.map((tag) => ({ tag, row: tagRow })),
      removals: await index.removals.read(REF),
    });
    return digest;
  };
  contents.set(await store("known", "known"), bytesOf("known"));
  return {
    ...{ kv, index, uses, contents, reads, store },
    [Symbol.dispose]: () => kv.close(),
  };
}

/** A check for `assert.rejects`: refused with a sentence that matches `reason`. */
const refused = (reason: RegExp) => (error: unknown) =>
  isAppError(error, "UNSUPPORTED") && reason.test(error.message);

Deno.test("a blob that a manifest without available bytes may name is not deleted", async () => {
  using t = await setUp();
  await t.uses.requireBlobUnused(REF, BLOB);
  const lost = await t.store("lost");
  await assert.rejects(
    t.uses.requireBlobUnused(REF, BLOB),
    refused(
      new RegExp(
        `${lost} .*may name the blob ${BLOB}.*bytes are not available`,
      ),
    ),
  );
  t.contents.set(lost, bytesOf("lost"));
  await t.uses.requireBlobUnused(REF, BLOB);
});

Deno.test("a manifest that a tagged index without available bytes may need is not deleted", async () => {
  using t = await setUp();
  const lost = await t.store("lost");
  // No tag leads to it.
  await t.uses.requireNoTaggedIndex(REF, CHILD);
  await t.store("lost", "tagged");
  await assert.rejects(
    t.uses.requireNoTaggedIndex(REF, CHILD),
    refused(/with the tag tagged may need the manifest .*not available/),
  );
  // It can be deleted itself, so that nothing stays forever.
  await t.uses.requireNoTaggedIndex(REF, lost);
});

Deno.test("an image that a manifest without available bytes may name counts as named", async () => {
  using t = await setUp();
  assert.equal(await t.uses.isNamed(REF, CHILD), false);
  await t.store("lost");
  assert.equal(await t.uses.isNamed(REF, CHILD), true);
});

Deno.test("manifests are searched again for a delete only if something was stored since", async () => {
  for (const what of ["blob", "manifest"] as const) {
    using t = await setUp();
    const check = (checked?: { version: string | null }) =>
      what === "blob"
        ? t.uses.requireBlobUnused(REF, BLOB, checked)
        : t.uses.requireNoTaggedIndex(REF, CHILD, checked);
    const state = await check();
    assert.equal(t.reads.length, 1);
    await check(state);
    assert.equal(t.reads.length, 1, what);
    const later = await t.store("later");
    t.contents.set(later, bytesOf("later"));
    await check(state);
    assert.equal(t.reads.length, 2, what);
  }
});
