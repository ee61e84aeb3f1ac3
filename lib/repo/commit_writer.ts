/**
 * Builds a commit (tree, signature and event) from writes and stores it in one
 * atomic change of the store.
 *
 * @module
 */

import type { MSTNode } from "@atcute/mst";
import { joinBytes } from "../bytes.ts";
import type { Did } from "../did.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Atomic, Entry, Kv } from "../kv/kv.ts";
import { hashOfCid } from "./cid.ts";
import { type Block, carBytes, signCommit } from "./commit.ts";
import type { EventLog, LoggedEvent } from "./events/event_log.ts";
import { commitFrame } from "./events/frames.ts";
import type { RepoKeys } from "./kv_keys.ts";
import type { StoredNodes } from "./nodes.ts";
import { blobReferences, decodeRecord } from "./record_data.ts";
import type {
  BlobUseRow,
  GarbageRow,
  HeadRow,
  NodeRow,
  OldRow,
  RecordRow,
} from "./rows.ts";
import type { TidClock } from "./tid.ts";
import { changeTree } from "./tree.ts";
import type { JoinCommit, RecordEdit } from "./types.ts";
import type { PreparedWrite } from "./writes.ts";
import type { Signer } from "./identity/signer.ts";
import { joinRows } from "../kv/joined_rows.ts";

export interface CommitDeps {
  readonly did: Did;
  readonly kv: Kv;
  readonly keys: RepoKeys;
  readonly nodes: StoredNodes;
  readonly log: EventLog;
  readonly signer: Signer;
  readonly tids: TidClock;
  readonly clock: Clock;
  /** Adds rows of others to the commit. */
  readonly join?: JoinCommit;
}

/** A write that changes something, with the previous record. */
export interface Change {
  readonly write: PreparedWrite;
  /** The previous record; undefined when there was none. */
  readonly before: RecordRow | undefined;
}

/** A stored commit. */
export interface StoredCommit {
  readonly head: HeadRow;
  readonly events: readonly LoggedEvent[];
}

/** The commit of a batch exceeds what the store accepts at once. Fewer writes may fit. */
export class BatchTooLargeError extends AppError {
  constructor(count: number, cause: unknown) {
    super(
      "TOO_LARGE",
      `${count} writes make a commit that is too large to be stored whole; send fewer at once.`,
      { cause },
    );
  }
}

/**
 * Commits `changes` on top of `head`; without changes the commit is empty.
 * `extend` adds the caller's rows to the same atomic change and receives the
 * new head. Returns undefined when `head` is no longer the head; the caller
 * then reads it again. Throws {@linkcode BatchTooLargeError}.
 */
export async function storeCommit(
  deps: CommitDeps,
  head: Entry<HeadRow>,
  changes: readonly Change[],
  extend: (atomic: Atomic, head: HeadRow) => void = () => {},
): Promise<StoredCommit | undefined> {
  const { did, kv, keys, nodes, log, signer } = deps;
  const old = head.value;
  const at = deps.clock.now();
  const rev = deps.tids.next(old.rev);
  const ops = changes.map(({ write, before }) => ({
    path: write.path,
    cid: write.record?.cid ?? null,
    prev: before?.cid ?? null,
  }));
  const tree = await changeTree(nodes, old.data, ops);
  const commit = await signCommit(signer, { did, rev, data: tree.root });
  const seq = old.seq + 1;
  const blocks = await carBytes([commit.cid], [
    commit,
    ...await nodeBlocks(tree.proof),
    ...changes.flatMap(({ write }) => write.record ?? []),
  ]);
  const events: LoggedEvent[] = [{
    seq,
    at,
    frame: commitFrame({ seq, at }, {
      did,
      cid: commit.cid,
      rev,
      since: old.rev,
      prevData: old.data,
      ops,
      blocks,
    }),
  }];
  const next: HeadRow = {
    ...old,
    cid: commit.cid,
    rev,
    data: tree.root,
    commit: commit.bytes,
    seq,
    signingKey: signer.didKey,
  };
  try {
    const atomic = kv.atomic().check(keys.head, head.versionstamp)
      .set(keys.head, next);
    for (const { cid, bytes } of await nodeBlocks(tree.created)) {
      const row: NodeRow = { rev, bytes };
      atomic.set(keys.node(hashOfCid(cid)), row);
    }
    const replaced = changes.flatMap(({ before }) => before?.cid ?? []);
    leaveGarbage(atomic, keys, { rev, at, nodes: tree.removed, replaced });
    for (const change of changes) storeRecord(atomic, keys, rev, change);
    log.append(atomic, events);
    extend(atomic, next);
    addJoined(atomic, deps.join, changes, rev);
    if (!await atomic.commit()) return undefined;
  } catch (error) {
    if (error instanceof RangeError) {
      throw new BatchTooLargeError(changes.length, error);
    }
    throw error;
  }
  for (const [cid, node] of tree.created) nodes.keep(cid, node);
  return { head: next, events };
}

/** Rows of others change in the same commit as the records they are made from. */
function addJoined(
  atomic: Atomic,
  join: JoinCommit | undefined,
  changes: readonly Change[],
  rev: string,
): void {
  if (join) joinRows(atomic, join(changes.map(editOf), rev));
}

function editOf({ write, before }: Change): RecordEdit {
  const { collection, rkey, record } = write;
  return {
    collection,
    rkey,
    before: () => before && decodeRecord(before.bytes),
    after: () => record && decodeRecord(record.bytes),
  };
}

/**
 * Unreachable content is only listed here and removed an hour later, so that
 * running exports can finish.
 */
function leaveGarbage(
  atomic: Atomic,
  keys: RepoKeys,
  left: {
    rev: string;
    at: number;
    nodes: readonly string[];
    replaced: readonly string[];
  },
): void {
  if (left.nodes.length + left.replaced.length === 0) return;
  const row: GarbageRow = {
    at: left.at,
    nodes: joinBytes(left.nodes.map(hashOfCid)),
    records: joinBytes(left.replaced.map(hashOfCid)),
  };
  atomic.set(keys.garbageOf(left.rev), row);
}

function storeRecord(
  atomic: Atomic,
  keys: RepoKeys,
  rev: string,
  { write, before }: Change,
): void {
  const { collection, rkey, record, blobs } = write;
  if (before !== undefined) {
    const hash = hashOfCid(before.cid);
    const old: OldRow = { rev, bytes: before.bytes };
    atomic.set(keys.old(hash), old)
      .delete(keys.path(hash, collection, rkey));
    for (const { cid } of blobReferences(decodeRecord(before.bytes))) {
      if (blobs.some((blob) => blob.cid === cid)) continue;
      atomic.delete(keys.blobUse(cid, collection, rkey));
    }
  }
  if (record === undefined) {
    atomic.delete(keys.record(collection, rkey));
    return;
  }
  const row: RecordRow = { cid: record.cid, rev, bytes: record.bytes };
  atomic.set(keys.record(collection, rkey), row)
    .set(keys.path(hashOfCid(record.cid), collection, rkey), true);
  const use: BlobUseRow = { rev };
  for (const { cid } of blobs) {
    atomic.set(keys.blobUse(cid, collection, rkey), use);
  }
}

async function nodeBlocks(
  nodes: ReadonlyMap<string, MSTNode>,
): Promise<Block[]> {
  const blocks: Block[] = [];
  for (const [cid, node] of nodes) {
    blocks.push({ cid, bytes: await node.serialize() });
  }
  return blocks;
}
