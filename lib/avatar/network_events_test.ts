import assert from "node:assert/strict";
import type { Did } from "../did.ts";
import { NetworkEvents } from "./network_events.ts";
import { type EventCounts, NO_OBSERVER } from "./observer.ts";
import type { AccountChange } from "./profiles.ts";
import { commitOf } from "../atproto/jetstream/testing_events.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const BOB: Did = "did:plc:z72i7hdynmk6r22z27h6tvur";
const CAROL: Did = "did:plc:carolcarolcarolcarolcar2";
const PROFILE = "app.bsky.actor.profile";

Deno.test("each account is processed once for all of its events", async () => {
  const changes: [Did, AccountChange][] = [];
  const counted: EventCounts[] = [];
  const events = new NetworkEvents({
    collections: [PROFILE],
    observer: {
      ...NO_OBSERVER,
      networkEvents: (counts) => counted.push(counts),
    },
    avatars: {
      invalidate: (did, change) => {
        changes.push([did, change]);
        return Promise.resolve();
      },
    },
  });
  const at = 1_700_000_000_000_000;
  await events.take({
    events: [
      commitOf(ALICE, at),
      { did: ALICE, timeUs: at + 1, kind: "identity" },
      commitOf(ALICE, at + 2),
      commitOf(BOB, at + 3, "app.bsky.feed.post"),
      { did: CAROL, timeUs: at + 3, kind: "sync" },
      {
        did: BOB,
        timeUs: at + 4,
        kind: "account",
        active: false,
        status: "deleted",
      },
    ],
    ignored: 1,
  });
  assert.deepEqual(changes, [
    [ALICE, { identity: true, gone: false }],
    [CAROL, { identity: false, gone: false }],
    [BOB, { identity: true, gone: true }],
  ]);
  assert.deepEqual(counted, [
    { commit: 3, identity: 1, account: 1, ignored: 2 },
  ]);
});
