import assert from "node:assert/strict";
import { writtenCids } from "./cids.ts";

Deno.test("the CIDs of a commit are read, and whatever else a PDS answers is none", () => {
  const results = [
    { $type: "x#createResult", uri: "at://a/b/c", cid: "bafyone" },
    { $type: "x#deleteResult" },
  ];
  assert.deepEqual(writtenCids(JSON.stringify({ results })), [
    "bafyone",
    undefined,
  ]);
  for (const text of ["", "{}", "[]", "null", "{", '{"results":[{"cid":1}]}']) {
    assert.deepEqual(writtenCids(text), []);
  }
});
