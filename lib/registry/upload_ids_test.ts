import assert from "node:assert/strict";
import { SecretBox } from "../crypto/secret_box.ts";
import { ALICE, BOB, HOLD } from "../hold/testing.ts";
import { UploadIds } from "./upload_ids.ts";

const REF = { did: ALICE, repo: "app" } as const;
const UPLOAD = {
  holdDid: HOLD,
  holdUploadId: crypto.randomUUID(),
  algorithm: "sha256",
  expiresAt: 1_800_000_000_000,
} as const;

function idsOf(secret: number): UploadIds {
  const box = new SecretBox(new Uint8Array(32).fill(secret));
  return new UploadIds((...parts) => box.mac("upload id", ...parts));
}

Deno.test("an id of an upload says everything about it, to any instance with the same secret", () => {
  const id = idsOf(1).issue(REF, ALICE, UPLOAD);
  assert.match(id, /^[A-Za-z0-9_-]{1,1024}$/);
  assert.deepEqual(idsOf(1).read(REF, ALICE, id), UPLOAD);
});

Deno.test("an id is of no use for another account, repository or secret, nor when it was changed", () => {
  const ids = idsOf(1);
  const id = ids.issue(REF, ALICE, UPLOAD);
  assert.equal(ids.read(REF, BOB, id), undefined);
  assert.equal(ids.read({ did: BOB, repo: "app" }, ALICE, id), undefined);
  assert.equal(ids.read({ ...REF, repo: "other" }, ALICE, id), undefined);
  assert.equal(idsOf(2).read(REF, ALICE, id), undefined);
  for (const at of [0, 40, id.length - 1]) {
    const other = id[at] === "A" ? "B" : "A";
    const changed = id.slice(0, at) + other + id.slice(at + 1);
    assert.equal(ids.read(REF, ALICE, changed), undefined);
  }
  assert.equal(ids.read(REF, ALICE, ""), undefined);
  assert.equal(ids.read(REF, ALICE, crypto.randomUUID()), undefined);
});
