/**
 * Frames of `com.atproto.sync.subscribeRepos`: two DAG-CBOR values, header and
 * body (event stream specification, "Framing").
 *
 * @module
 */

import { isValidHandle } from "@atproto/syntax";
import { encode } from "@ipld/dag-cbor";
import { joinBytes } from "../../bytes.ts";
import type { Did } from "../../did.ts";
import { parseCid } from "../cid.ts";
import type { TreeOp } from "../tree.ts";

/** Common fields of events in the log. */
export interface EventStamp {
  readonly seq: number;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** Content of a `#commit` event. */
export interface CommitEvent {
  readonly did: Did;
  readonly cid: string;
  readonly rev: string;
  /** Previous revision; null only for the first commit. */
  readonly since: string | null;
  /** Previous root of the tree; undefined only for the first commit. */
  readonly prevData: string | undefined;
  readonly ops: readonly TreeOp[];
  /** CAR of the commit, the nodes and the new records. */
  readonly blocks: Uint8Array;
}

/** A `#commit` frame. */
export function commitFrame(
  { seq, at }: EventStamp,
  event: CommitEvent,
): Uint8Array {
  return frame("#commit", {
    seq,
    rebase: false,
    tooBig: false,
    repo: event.did,
    commit: parseCid(event.cid),
    rev: event.rev,
    since: event.since,
    blocks: event.blocks,
    ops: event.ops.map(({ path, cid, prev }) => ({
      action: cid === null ? "delete" : prev === null ? "create" : "update",
      path,
      cid: cid === null ? null : parseCid(cid),
      ...(prev === null ? {} : { prev: parseCid(prev) }),
    })),
    blobs: [],
    ...(event.prevData === undefined
      ? {}
      : { prevData: parseCid(event.prevData) }),
    time: time(at),
  });
}

/** A `#sync` frame; `blocks` is a CAR with only the commit. */
export function syncFrame(
  { seq, at }: EventStamp,
  event: { did: Did; rev: string; blocks: Uint8Array },
): Uint8Array {
  const { did, rev, blocks } = event;
  return frame("#sync", {
    seq,
    did,
    blocks,
    rev,
    time: time(at),
  });
}

/**
 * An `#identity` frame: key, handle or endpoint may have changed. A host that
 * is not a valid handle is omitted.
 */
export function identityFrame(
  { seq, at }: EventStamp,
  { did, handle }: { did: Did; handle: string },
): Uint8Array {
  return frame("#identity", {
    seq,
    did,
    ...(isValidHandle(handle) ? { handle } : {}),
    time: time(at),
  });
}

/** An `#account` frame: the account is active here, or deactivated. */
export function accountFrame(
  { seq, at }: EventStamp,
  { did, active }: { did: Did; active: boolean },
): Uint8Array {
  return frame("#account", {
    seq,
    did,
    time: time(at),
    active,
    ...(active ? {} : { status: "deactivated" }),
  });
}

/** An `#info` frame; it has no sequence number. */
export function infoFrame(name: "OutdatedCursor", message: string): Uint8Array {
  return frame("#info", { name, message });
}

/** An error frame; the connection is closed after it is sent. */
export function errorFrame(
  error: "FutureCursor" | "ConsumerTooSlow",
  message: string,
): Uint8Array {
  return joinBytes([encode({ op: -1 }), encode({ error, message })]);
}

function frame(type: string, body: Record<string, unknown>): Uint8Array {
  return joinBytes([encode({ op: 1, t: type }), encode(body)]);
}

function time(at: number): string {
  return new Date(at).toISOString();
}
