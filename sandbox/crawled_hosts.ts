/**
 * Other hosts of repos that the relay follows, such as the hold of the program
 * that started the sandbox.
 *
 * @module
 */

import { decodeAll } from "@atproto/lex-cbor";
import { type SequencedEvent, timeOf } from "./stream_events.ts";

const RETRY_MS = 2_000;
const CALL_LIMIT_MS = 5_000;
const KINDS: Readonly<Record<string, SequencedEvent["type"]>> = {
  "#account": "account",
  "#commit": "commit",
  "#identity": "identity",
  "#sync": "sync",
};

/**
 * Yields events of the host at `origin` until `signal` is aborted: after
 * `place`, a time in microseconds, or those that happen from now on. Connects
 * again when the host goes away, or is not there yet.
 */
export async function* hostEvents(
  origin: string,
  place: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<SequencedEvent> {
  const since = place ?? Date.now() * 1000;
  let seq = 0;
  while (!signal.aborted) {
    for await (const bytes of framesAfter(origin, seq, signal)) {
      const event = readFrame(bytes);
      if (event === undefined) continue;
      seq = event.seq;
      if (timeOf(event) > since) yield event;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** DIDs of the repos at `origin` that have records of `collection`; none while it does not respond. */
export async function hostRepos(
  origin: string,
  collection: string,
): Promise<string[]> {
  const get = async (method: string) => {
    const response = await fetch(`${origin}/xrpc/${method}`, {
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    });
    return await response.json();
  };
  try {
    const { repos } = await get("com.atproto.sync.listRepos");
    const found: string[] = [];
    for (const { did, active } of repos) {
      const repo = encodeURIComponent(did);
      const { collections = [] } = active === false
        ? {}
        : await get(`com.atproto.repo.describeRepo?repo=${repo}`);
      if (collections.includes(collection)) found.push(did);
    }
    return found;
  } catch {
    return [];
  }
}

/** Frames of one connection to `com.atproto.sync.subscribeRepos`. */
async function* framesAfter(
  origin: string,
  seq: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const address = origin.replace(/^http/, "ws");
  const socket = new WebSocket(
    `${address}/xrpc/com.atproto.sync.subscribeRepos?cursor=${seq}`,
  );
  socket.binaryType = "arraybuffer";
  const frames: Uint8Array[] = [];
  let isOpen = true;
  let wake = Promise.withResolvers<void>();
  const end = () => {
    isOpen = false;
    wake.resolve();
  };
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) frames.push(new Uint8Array(data));
    wake.resolve();
  };
  socket.onclose = end;
  socket.onerror = end;
  signal.addEventListener("abort", end, { once: true });
  try {
    while (isOpen || frames.length > 0) {
      yield* frames.splice(0);
      if (!isOpen) continue;
      await wake.promise;
      wake = Promise.withResolvers();
    }
  } finally {
    signal.removeEventListener("abort", end);
    socket.close();
  }
}

/** The event of a frame: header and body, two DAG-CBOR values; undefined for other frames. */
function readFrame(bytes: Uint8Array): SequencedEvent | undefined {
  const [header, body] = [...decodeAll(bytes)] as Record<string, unknown>[];
  const type = KINDS[String(header?.t)];
  if (type === undefined || body === undefined) return undefined;
  const { seq, time } = body;
  return { type, seq, time, evt: body } as unknown as SequencedEvent;
}
