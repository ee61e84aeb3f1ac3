import assert from "node:assert/strict";
import { isCaptainsWrite } from "./captain_records.ts";
import { COLLECTIONS } from "./records.ts";

Deno.test("a crew record of the captain is the captain's in any spelling of the DID", () => {
  const owner = "did:web:captain.example.com";
  const write = (member: string) => ({
    collection: COLLECTIONS.crew,
    rkey: "3kfuo5dbpcc2y",
    value: { member, role: "member", permissions: [] },
  });
  assert.ok(isCaptainsWrite(owner, write(owner)));
  assert.ok(isCaptainsWrite(owner, write("did:web:Captain.Example.COM")));
  assert.ok(!isCaptainsWrite(owner, write("did:web:other.example.com")));
});
