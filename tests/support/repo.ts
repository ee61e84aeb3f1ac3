/**
 * A repo on memory for tests.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { Kv } from "../../lib/kv/kv.ts";
import type { LoggedEvent } from "../../lib/repo/events/event_log.ts";
import { Repo } from "../../lib/repo/repo.ts";
import type { RepoDeps } from "../../lib/repo/types.ts";
import type { RepoWrite } from "../../lib/repo/writes.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import {
  importSigningKey,
  type Signer,
} from "../../lib/repo/identity/signer.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

/** DID of the repo under test. */
export const TEST_DID: Did = "did:web:hold.example.com";

/** A signer that is the same in every run; another one for another `seed` of 1 to 255. */
export function testSigner(seed = 1): Promise<Signer> {
  return importSigningKey(new Uint8Array(32).fill(seed));
}

/** Opens a repo that accepts any record; on a separate KV unless one is given. */
export async function openTestRepo(
  overrides: Partial<RepoDeps> = {},
): Promise<{ repo: Repo; kv: Kv; signer: Signer; clock: Clock }> {
  const clock = overrides.clock ?? systemClock;
  const kv = overrides.kv ?? await openKv(":memory:", clock);
  const signer = overrides.signer ?? await testSigner();
  const repo = await Repo.open({
    did: TEST_DID,
    handle: "hold.example.com",
    validator: { assertRecord: () => {} },
    logger: silentLogger,
    ...overrides,
    kv,
    signer,
    clock,
  });
  return { repo, kv, signer, clock };
}

/** A write that creates a small record. */
export function create(rkey: string, text = rkey): RepoWrite {
  return {
    action: "create",
    collection: "com.example.note",
    rkey,
    value: { text },
  };
}

/** All events that the repo keeps. */
export async function allEvents(repo: Repo): Promise<LoggedEvent[]> {
  const events: LoggedEvent[] = [];
  for (;;) {
    const page = await repo.log.read(events.at(-1)?.seq ?? 0);
    if (page.length === 0) return events;
    events.push(...page);
  }
}
