import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { OwnRecords } from "./own_records.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const BOB: Did = "did:plc:bbbbbbbbbbbbbbbbbbbbbbbb";
const TAG = { collection: "io.atcr.tag", rkey: "app_v1" };

Deno.test("the event of a noted version is known once, any other is not", () => {
  const own = new OwnRecords();
  own.note(ALICE, [{ ...TAG, cid: "one" }]);
  assert.equal(own.take(BOB, TAG, "one"), false);
  assert.equal(own.take(ALICE, { ...TAG, rkey: "app_v2" }, "one"), false);
  assert.equal(own.take(ALICE, TAG, "one"), true);
  assert.equal(own.take(ALICE, TAG, "one"), false);
  own.note(ALICE, [{ ...TAG, cid: "one" }]);
  assert.equal(own.take(ALICE, TAG, "two"), false);
  assert.equal(own.take(ALICE, TAG, "one"), false, "it was replaced meanwhile");
  own.note(ALICE, [{ ...TAG, cid: "one" }]);
  assert.equal(own.take(ALICE, TAG, undefined), false, "it was deleted");
});
