import assert from "node:assert/strict";
import { StorageKeys } from "../../storage/object_keys.ts";
import { holdKeys } from "../kv_keys.ts";
import { blobObject } from "./blob_object.ts";
import { liveRow, removedRow } from "./blob_row.ts";

Deno.test("the row of a blob names its object until its bytes are gone", () => {
  const keys = new StorageKeys();
  const digest = `sha256:${"a".repeat(64)}` as const;
  const live = liveRow(1, 0, 0);
  const removed = removedRow(live, 0);
  const of = (value: unknown) =>
    blobObject(keys, { key: holdKeys.blob(digest), value });
  const key = keys.blob(digest);
  assert.deepEqual(of(live), { key, isLeaving: false });
  assert.deepEqual(of({ ...live, state: "damaged" }), {
    key,
    isLeaving: false,
  });
  assert.deepEqual(of({ ...live, state: "purging" }), { key, isLeaving: true });
  assert.deepEqual(of(removed), { key, isLeaving: true });
  assert.equal(of({ ...removed, bytes: "gone" }), undefined);
  const other = { key: holdKeys.damagedBlob(digest), value: null };
  assert.equal(blobObject(keys, other), undefined);
});
