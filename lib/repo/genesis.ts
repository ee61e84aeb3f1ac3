/**
 * How a repo comes to life, and how it tells a changed identity.
 *
 * @module
 */

import { MSTNode } from "@atcute/mst";
import type { Entry } from "../kv/kv.ts";
import { hashOfCid } from "./cid.ts";
import { carBytes, signCommit } from "./commit.ts";
import type { CommitDeps } from "./commit_writer.ts";
import type { LoggedEvent } from "./event_log.ts";
import {
  accountFrame,
  commitFrame,
  type EventStamp,
  identityFrame,
  syncFrame,
} from "./frames.ts";
import { EMPTY_ROOT } from "./nodes.ts";
import type { HeadRow, NodeRow } from "./rows.ts";

/**
 * Stores an empty repo with its first four events; nothing happens when there
 * is a repo already.
 *
 * Numbers of events begin at the Unix time in seconds, so that a repo that was
 * lost and begins again does not repeat the numbers relays have seen.
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
    (stamp) => accountFrame(stamp, { did }),
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
 * Tells with an `#identity` event that handle, key or endpoint have changed.
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
    head,
    { handle },
    (stamp) => identityFrame(stamp, event),
  );
}

/**
 * Tells with a `#sync` event to fetch the repo anew; for use after a restore
 * from a backup.
 *
 * Returns the new event; undefined when `head` is no longer the head.
 */
export async function announceSync(
  deps: CommitDeps,
  head: Entry<HeadRow>,
): Promise<readonly LoggedEvent[] | undefined> {
  const { cid, rev, commit } = head.value;
  const blocks = await carBytes([cid], [{ cid, bytes: commit }]);
  const event = { did: deps.did, rev, blocks };
  return announce(deps, head, {}, (stamp) => syncFrame(stamp, event));
}

/** Stores one event that comes without a commit. */
async function announce(
  { kv, keys, log, clock }: CommitDeps,
  head: Entry<HeadRow>,
  patch: Partial<HeadRow>,
  frame: (stamp: EventStamp) => Uint8Array,
): Promise<readonly LoggedEvent[] | undefined> {
  const events = numbered(head.value.seq + 1, clock.now(), [frame]);
  const next = { ...head.value, ...patch, seq: head.value.seq + 1 };
  const atomic = kv.atomic().check(keys.head, head.versionstamp)
    .set(keys.head, next);
  log.append(atomic, events);
  return await atomic.commit() ? events : undefined;
}

function numbered(
  first: number,
  at: number,
  frames: readonly ((stamp: EventStamp) => Uint8Array)[],
): LoggedEvent[] {
  return frames.map((frame, i) => {
    const stamp = { seq: first + i, at };
    return { ...stamp, frame: frame(stamp) };
  });
}
