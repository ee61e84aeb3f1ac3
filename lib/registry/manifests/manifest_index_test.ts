import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { systemClock } from "../../clock.ts";
import { planJob } from "../../kv/jobs/jobs.ts";
import type { Digest } from "../../oci/digest.ts";
import { MAX_TAGS } from "../../oci/manifest.ts";
import { registryKeys } from "../kv_keys.ts";
import { ManifestIndex } from "./manifest_index.ts";
import { PUSH_DELIVERY } from "../push_delivery.ts";
import { openKv } from "../../kv/open_kv.ts";

Deno.test("a manifest with the maximum of tags fits into one commit, even with the longest names", async () => {
  const did: Did = `did:web:${"d".repeat(63)}.${"d".repeat(63)}.${
    "d".repeat(63)
  }.${"d".repeat(53)}.com`;
  const ref = { did, repo: "r".repeat(250) };
  const digest: Digest = `sha512:${"0".repeat(128)}`;
  const mediaType = "m".repeat(255);
  const manifest = { mediaType, size: 1, holdDid: did, subject: digest };
  const updatedAt = Date.now();
  const row = { digest, mediaType, size: 1, holdDid: did, updatedAt };
  const delivery = {
    ...ref,
    ...row,
    pushedAt: updatedAt,
    tag: "t".repeat(128),
  };
  const kv = await openKv(":memory:");
  try {
    const index = new ManifestIndex(kv);
    await index.put(ref, {
      digest,
      row: { ...manifest, createdAt: updatedAt },
      referrer: { mediaType, digest, size: 1, artifactType: mediaType },
      tags: Array.from({ length: MAX_TAGS }, (_, i) => {
        const tag = String(i).padEnd(128, "t");
        const rkey = `${ref.repo}_${tag}`;
        return { tag, row: { ...row, rkey, checkedAt: updatedAt } };
      }),
      removals: await index.removals.read(ref),
      also: [
        { key: registryKeys.content(digest), row: new Uint8Array(60_000) },
        ...planJob(systemClock, PUSH_DELIVERY, delivery).rows,
      ],
    });
    const names = await index.tagNames(ref, { limit: 100 });
    assert.equal(names.length, MAX_TAGS);
  } finally {
    kv.close();
  }
});
