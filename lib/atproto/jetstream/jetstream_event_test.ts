import assert from "node:assert/strict";
import fc from "fast-check";
import { parseJetstreamFrame } from "./jetstream_event.ts";

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

const parse = (event: unknown) => parseJetstreamFrame(JSON.stringify(event));

Deno.test("commits, identities and accounts are read", () => {
  assert.deepEqual(parse({ ...HEAD, kind: "commit", commit: COMMIT }), {
    did: DID,
    timeUs: 1725911162329308,
    kind: "commit",
    operation: "update",
    collection: "app.bsky.actor.profile",
    rkey: "self",
    rev: COMMIT.rev,
    cid: COMMIT.cid,
    record: COMMIT.record,
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

Deno.test("the new endpoint's frames say the same", () => {
  const frame = (name: string, payload: object) =>
    parse({
      $type: "message",
      payload: {
        $type: `network.bsky.jetstream.subscribeEvents#${name}`,
        seq: 12,
        did: DID,
        time: "2030-01-01T00:00:00.000000Z",
        witnessedAt: "2024-09-09T19:46:02.329308Z",
        ...payload,
      },
    });
  const old = (kind: string, body: object) =>
    parse({ did: DID, time_us: 1725911162329308, kind, [kind]: body });
  assert.deepEqual(frame("commit", COMMIT), old("commit", COMMIT));
  const account = { active: false, did: DID, status: "takendown" };
  assert.deepEqual(frame("account", { account }), old("account", account));
  const identity = { did: DID };
  assert.deepEqual(frame("identity", { identity }), old("identity", identity));
  assert.deepEqual(frame("sync", { sync: {} }), {
    did: DID,
    timeUs: 1725911162329308,
    kind: "sync",
  });
  assert.equal(frame("info", { name: "OutdatedCursor" }), "gap");
  assert.equal(frame("info", { name: "FutureCursor" }), undefined);
  assert.equal(frame("label", {}), undefined);
  assert.equal(frame("commit", { ...COMMIT, witnessedAt: "?" }), undefined);
  const error = { $type: "error", error: "ConsumerTooSlow", message: "" };
  assert.equal(parse(error), undefined);
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
      { ...event, commit: { ...COMMIT, rkey: "a/b" } },
      { ...event, commit: { ...COMMIT, rev: "9" } },
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
      const event = parseJetstreamFrame(text);
      if (typeof event === "object") assert.match(event.did, /^did:/);
    },
  ));
});
