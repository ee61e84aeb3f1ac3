/**
 * Events as Jetstream sends them: JSON, one change of a record in each frame.
 *
 * @module
 */

import { decode } from "@atproto/lex-cbor";
import { lexToJson } from "@atproto/lex-json";
import { readCar } from "@atproto/repo";
import { type SequencedEvent, timeOf } from "./stream_events.ts";

/** What a client wants; everything where a list is empty. */
export interface StreamFilter {
  /** Names of collections, or all below one: `io.atcr.*`. */
  readonly collections: readonly string[];
  readonly dids: readonly string[];
}

/** One frame, and what it is filtered by. */
export interface Frame {
  readonly did: string;
  /** Undefined for what is not about a record. */
  readonly collection: string | undefined;
  readonly text: string;
}

type Json = Record<string, unknown>;

/** Whether a client with `filter` wants the frame. */
export function isWanted(
  { did, collection }: Frame,
  { collections, dids }: StreamFilter,
): boolean {
  if (dids.length > 0 && !dids.includes(did)) return false;
  if (collection === undefined || collections.length === 0) return true;
  return collections.some((wanted) =>
    wanted.endsWith("*")
      ? collection.startsWith(wanted.slice(0, -1))
      : collection === wanted
  );
}

/** The frames of an event, on the new endpoint or the old one. */
export async function framesOf(
  event: SequencedEvent,
  isNew: boolean,
): Promise<Frame[]> {
  const { seq } = event;
  const timeUs = timeOf(event);
  const frame = (did: string, kind: string, body: Json): Frame => {
    const value = isNew
      ? wrapped({ seq, did, kind, timeUs }, body)
      : { did, time_us: timeUs, cursor: seq, kind, [kind]: body };
    const collection = kind === "commit" ? `${body.collection}` : undefined;
    return { did, collection, text: JSON.stringify(value) };
  };
  switch (event.type) {
    case "identity":
      return [frame(event.evt.did, "identity", upstream(event))];
    case "account":
      return [frame(event.evt.did, "account", upstream(event))];
    case "sync": {
      const { did, rev } = event.evt;
      const { time } = event;
      // The old endpoint has no such events.
      return isNew ? [frame(did, "sync", { seq, time, did, rev })] : [];
    }
    case "commit": {
      const changes = await changesOf(event.evt);
      return changes.map((body) => frame(event.evt.repo, "commit", body));
    }
  }
}

function wrapped(
  { seq, did, kind, timeUs }: {
    seq: number;
    did: string;
    kind: string;
    timeUs: number;
  },
  body: Json,
): Json {
  const millis = new Date(Math.floor(timeUs / 1000)).toISOString();
  const time = millis.replace("Z", `${timeUs % 1000}`.padStart(3, "0") + "Z");
  return {
    $type: "message",
    payload: {
      $type: `network.bsky.jetstream.subscribeEvents#${kind}`,
      seq,
      did,
      time,
      witnessedAt: time,
      ...(kind === "commit" ? body : { [kind]: body }),
    },
  };
}

function upstream({ seq, time, evt }: SequencedEvent): Json {
  return { seq, time, ...evt };
}

/** The changes of a commit, in their order. */
async function changesOf(
  { rev, ops, blocks }: Extract<SequencedEvent, { type: "commit" }>["evt"],
): Promise<Json[]> {
  const car = await readCar(blocks);
  return ops.flatMap(({ action, path, cid }) => {
    const slash = path.indexOf("/");
    const collection = path.slice(0, slash);
    const rkey = path.slice(slash + 1);
    const change = { rev, operation: action, collection, rkey };
    if (action === "delete") return [change];
    const block = cid && car.blocks.get(cid);
    if (!block) return [];
    const record = lexToJson(decode(block));
    return [{ ...change, record, cid: cid.toString() }];
  });
}
