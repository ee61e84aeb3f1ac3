/**
 * Creates a repo, and emits events that have no commit.
 *
 * @module
 */

import { MSTNode } from "@atcute/mst";
import type { Entry } from "../kv/kv.ts";
import { hashOfCid } from "./cid.ts";
import { carBytes, signCommit } from "./commit.ts";
import type { CommitDeps } from "./commit_writer.ts";
import type { LoggedEvent } from "./events/event_log.ts";
import {
  accountFrame,
  commitFrame,
  type EventStamp,
  identityFrame,
  syncFrame,
} from "./events/frames.ts";
import { EMPTY_ROOT } from "./nodes.ts";
import type { HeadRow, NodeRow } from "./rows.ts";

/**
 * Stores an empty repo with its first four events; does nothing when there is a
 * repo already. Event numbers start at the Unix time in seconds, so that a repo
 * that was lost and created again does not repeat numbers that relays have
 * seen.
 */
export async function createRepo(
  deps: CommitDeps,
  handle: string,
): Promise<void> {
  const { did, kv, keys, log, signer } = deps;
  const at = deps.clock.now();
  const rev = deps.tids.next();
  const bytes = await MSTNode.empty().serialize();
  const commit = await signCommit(signer, { did, rev, data: EMPTY_ROOT });
  const blocks = await carBytes([commit.cid], [
    commit,
    { cid: EMPTY_ROOT, bytes },
  ]);
  const alone = await carBytes([commit.cid], [commit]);
  const firstSeq = Math.floor(at / 1000);
  const events = numbered(firstSeq, at, [
    (stamp) => identityFrame(stamp, { did, handle }),
    (stamp) => accountFrame(stamp, { did, active: true }),
    (stamp) =>
      commitFrame(stamp, {
        did,
        cid: commit.cid,
        rev,
        since: null,
        prevData: undefined,
        ops: [],
        blocks,
      }),
    (stamp) => syncFrame(stamp, { did, rev, blocks: alone }),
  ]);
  const head: HeadRow = {
    cid: commit.cid,
    rev,
    data: EMPTY_ROOT,
    commit: commit.bytes,
    seq: firstSeq + events.length - 1,
    firstSeq,
    signingKey: signer.didKey,
    handle,
  };
  const root: NodeRow = { rev, bytes };
  const atomic = kv.atomic().check(keys.head, null).set(keys.head, head)
    .set(keys.node(hashOfCid(EMPTY_ROOT)), root);
  log.append(atomic, events);
  await atomic.commit();
}

/**
 * Announces with an `#identity` event that handle, key or endpoint have
 * changed.
 *
 * Returns the new event; undefined when `head` is no longer the head.
 */
export function announceIdentity(
  deps: CommitDeps,
  head: Entry<HeadRow>,
  handle: string,
): Promise<readonly LoggedEvent[] | undefined> {
  const event = { did: deps.did, handle };
  return announce(
    deps,
    head.versionstamp,
    { ...head.value, handle },
    [(stamp) => identityFrame(stamp, event)],
  );
}

/**
 * Deactivates or reactivates the account with an `#account` event; on
 * reactivation `#identity` and `#sync` events follow.
 *
 * Returns the new events; undefined when `head` is no longer the head.
 */
export async function announceAccount(
  deps: CommitDeps,
  { versionstamp, value }: Entry<HeadRow>,
  { active, handle }: { active: boolean; handle: string },
): Promise<readonly LoggedEvent[] | undefined> {
  const { did } = deps;
  const account: EventMaker = (stamp) => accountFrame(stamp, { did, active });
  if (!active) {
    const next: HeadRow = { ...value, deactivated: true };
    return announce(deps, versionstamp, next, [account]);
  }
  const { deactivated: _, ...next } = value;
  return announce(deps, versionstamp, { ...next, handle }, [
    account,
    (stamp) => identityFrame(stamp, { did, handle }),
    await syncOf(deps, value),
  ]);
}

/**
 * Raises the number of the newest event to at least `least`, with events that
 * make consumers read the repo again.
 *
 * Returns the new events; undefined when `head` is no longer the head.
 */
export async function announceRestored(
  deps: CommitDeps,
  { versionstamp, value }: Entry<HeadRow>,
  { least, handle }: { least: number; handle: string },
): Promise<readonly LoggedEvent[] | undefined> {
  const seq = Math.max(value.seq, least);
  return await announce(deps, versionstamp, { ...value, seq, handle }, [
    (stamp) => identityFrame(stamp, { did: deps.did, handle }),
    await syncOf(deps, value),
  ]);
}

async function syncOf(
  { did }: CommitDeps,
  { cid, rev, commit }: HeadRow,
): Promise<EventMaker> {
  const blocks = await carBytes([cid], [{ cid, bytes: commit }]);
  return (stamp) => syncFrame(stamp, { did, rev, blocks });
}

/** Stores events without a commit, with the head that they describe. */
async function announce(
  { kv, keys, log, clock }: CommitDeps,
  versionstamp: string,
  head: HeadRow,
  frames: readonly EventMaker[],
): Promise<readonly LoggedEvent[] | undefined> {
  const events = numbered(head.seq + 1, clock.now(), frames);
  const next = { ...head, seq: head.seq + events.length };
  const atomic = kv.atomic().check(keys.head, versionstamp)
    .set(keys.head, next);
  log.append(atomic, events);
  return await atomic.commit() ? events : undefined;
}

type EventMaker = (stamp: EventStamp) => Uint8Array;

function numbered(
  first: number,
  at: number,
  frames: readonly EventMaker[],
): LoggedEvent[] {
  return frames.map((frame, i) => {
    const stamp = { seq: first + i, at };
    return { ...stamp, frame: frame(stamp) };
  });
}
