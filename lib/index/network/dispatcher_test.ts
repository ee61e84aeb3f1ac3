import assert from "node:assert/strict";
import type { JetstreamEvent } from "../../atproto/jetstream/jetstream_event.ts";
import {
  HOLD_COLLECTIONS,
  OWNER_COLLECTIONS,
} from "../../atproto/records/collections.ts";
import { ManualClock } from "../../testing_clock.ts";
import { silentLogger } from "../../testing_log.ts";
import { Dispatcher, type DispatcherDeps } from "./dispatcher.ts";
import type { CheckedChange } from "./record_ledger.ts";
import { ALICE, BOB, starOf } from "./testing_network.ts";

const STATS = HOLD_COLLECTIONS.stats;
const STAR = OWNER_COLLECTIONS.star;

/** A dispatcher, what it hands on, and events for it. */
function start() {
  const clock = new ManualClock();
  const taken: CheckedChange[] = [];
  const deps: Partial<DispatcherDeps> = {
    clock,
    log: silentLogger,
    collections: new Set([STATS, STAR]),
    accounts: {
      known: () => Promise.resolve(new Set([ALICE])),
    } as unknown as DispatcherDeps["accounts"],
    ledger: {
      apply: (_did, changes) => {
        taken.push(...changes);
        return Promise.resolve();
      },
    },
    observer: {
      eventsTaken: () => {},
      change: () => {},
    } as unknown as DispatcherDeps["observer"],
  };
  let rev = 0;
  const event = (collection: string, rkey: string, record: unknown) =>
    ({
      ...{ did: ALICE, kind: "commit", operation: "update", collection, rkey },
      ...{ timeUs: clock.now() * 1000, rev: `rev${++rev}`, cid: "bafy" },
      record,
    }) as JetstreamEvent;
  return {
    ...{ clock, taken, event },
    dispatcher: new Dispatcher(deps as DispatcherDeps),
  };
}

Deno.test("times of changes are whole milliseconds, and none is to come", async () => {
  const { clock, taken, event, dispatcher } = start();
  const now = clock.now();
  const events = [-1_750, 250, 5_000_250].map((us) => ({
    ...event(STAR, "a", starOf("app")),
    timeUs: now * 1000 + us,
  }));
  await dispatcher.take({ events, ignored: 0 });
  assert.deepEqual(taken.map(({ at }) => at), [now - 2, now, now]);
});

Deno.test("of the statistics of a hold only the last version of a batch is taken, of other records each", async () => {
  const { taken, event, dispatcher } = start();
  const stats = (repository: string, pushCount: number) =>
    event(STATS, repository, {
      $type: STATS,
      ...{ ownerDid: BOB, repository, pullCount: 0, pushCount },
      updatedAt: "2026-01-01T00:00:00Z",
    });
  const events = [
    stats("one", 1),
    event(STAR, "a", starOf("app")),
    stats("one", 2),
    stats("two", 1),
    event(STAR, "a", starOf("other")),
    stats("one", 3),
  ];
  await dispatcher.take({ events, ignored: 0 });
  assert.deepEqual(
    taken.map(({ rkey, rev }) => `${rkey} ${rev}`),
    ["a rev2", "two rev4", "a rev5", "one rev6"],
  );
});
