import assert from "node:assert/strict";
import fc from "fast-check";
import { parseJetstreamEvent } from "./jetstream_event.ts";

const DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const HEAD = { did: DID, time_us: 1725911162329308 };
const COMMIT = {
  rev: "3l3qo2vutsw2b",
  operation: "update",
  collection: "app.bsky.actor.profile",
  rkey: "self",
  record: { $type: "app.bsky.actor.profile", displayName: "Alice" },
  cid: "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi",
};

const parse = (event: unknown) => parseJetstreamEvent(JSON.stringify(event));

Deno.test("commits, identities and accounts are read", () => {
  assert.deepEqual(parse({ ...HEAD, kind: "commit", commit: COMMIT }), {
    did: DID,
    timeUs: 1725911162329308,
    kind: "commit",
    operation: "update",
    collection: "app.bsky.actor.profile",
    rkey: "self",
  });
  const identity = { did: DID, handle: "alice.example.com", seq: 1 };
  assert.deepEqual(parse({ ...HEAD, kind: "identity", identity }), {
    did: DID,
    timeUs: 1725911162329308,
    kind: "identity",
  });
  const account = { active: false, did: DID, status: "deactivated", seq: 2 };
  assert.deepEqual(parse({ ...HEAD, kind: "account", account }), {
    did: DID,
    timeUs: 1725911162329308,
    kind: "account",
    active: false,
    status: "deactivated",
  });
});

Deno.test("malformed events and other kinds are ignored", () => {
  const event = { ...HEAD, kind: "commit", commit: COMMIT };
  for (
    const bad of [
      { ...event, did: "alice.example.com" },
      { ...event, did: `did:plc:${"a".repeat(3000)}` },
      { ...event, time_us: "1725911162329308" },
      { ...event, time_us: -1 },
      { ...event, time_us: 1.5 },
      { ...event, time_us: 2 ** 60 },
      { ...event, kind: "label" },
      { ...event, commit: undefined },
      { ...event, commit: { ...COMMIT, operation: "move" } },
      { ...event, commit: { ...COMMIT, collection: "profile" } },
      { ...event, commit: { ...COMMIT, rkey: "x".repeat(513) } },
      { ...HEAD, kind: "account", account: { status: "deleted" } },
      [event],
      null,
      "text",
    ]
  ) assert.equal(parse(bad), undefined, JSON.stringify(bad));
});

Deno.test("no text makes the parser throw", () => {
  const whole = JSON.stringify({ ...HEAD, kind: "commit", commit: COMMIT });
  fc.assert(fc.property(
    fc.oneof(
      fc.string(),
      fc.json(),
      fc.tuple(fc.nat(whole.length), fc.nat(whole.length), fc.string())
        .map(([a, b, text]) => whole.slice(0, a) + text + whole.slice(b)),
    ),
    (text) => {
      const event = parseJetstreamEvent(text);
      if (event !== undefined) assert.match(event.did, /^did:/);
    },
  ));
});
