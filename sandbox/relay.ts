/**
 * What a relay and a Jetstream server do on the network, for the PDS of the
 * sandbox and other hosts of this machine: a stream of events that can be
 * replayed, and which repos have records of a collection.
 *
 * @module
 */

import { hostEvents, hostRepos } from "./crawled_hosts.ts";
import { eventsBehind, type SequencedEvent } from "./stream_events.ts";
import { framesOf, isWanted, type StreamFilter } from "./stream_frames.ts";
import type { Network } from "./network.ts";

/** The path at which Jetstream has its old endpoint, and that of the new one. */
const OLD_PATH = "/subscribe";
const NEW_PATH = "/xrpc/network.bsky.jetstream.subscribeEvents";
const LIST_PATH = "/xrpc/com.atproto.sync.listReposByCollection";

/** No more is sent while so many bytes wait to be read by the client. */
const MAX_BUFFERED = 1 << 20;
const BUFFER_POLL_MS = 20;
const DEFAULT_PAGE = 500;
const MAX_PAGE = 2_000;

/** A running relay. */
export interface Relay {
  stop(): Promise<void>;
}

/** The repos that the relay follows. */
interface Followed {
  readonly pds: Network["pds"];
  /** Origins of other hosts of repos, which need not run. */
  readonly hosts: readonly string[];
}

/** Starts the relay on `port` of the loopback addresses. */
export function startRelay(
  followed: Followed,
  port: number,
  addresses: readonly string[],
): Relay {
  const stopped = new AbortController();
  const handle = (request: Request): Promise<Response> | Response => {
    const url = new URL(request.url);
    switch (url.pathname) {
      case OLD_PATH:
      case NEW_PATH:
        return subscribe(followed, request, url, stopped.signal);
      case LIST_PATH:
        return listRepos(followed, url.searchParams);
      default:
        return failure(404, "NotFound", "This relay does not serve that.");
    }
  };
  const servers = addresses.map((hostname) =>
    Deno.serve({ hostname, port, onListen: () => {} }, handle)
  );
  return {
    stop: async () => {
      stopped.abort();
      await Promise.all(servers.map((server) => server.shutdown()));
    },
  };
}

function subscribe(
  { pds, hosts }: Followed,
  request: Request,
  { pathname, searchParams }: URL,
  stopped: AbortSignal,
): Response {
  const cursor = searchParams.get("cursor");
  if (cursor !== null && !/^[0-9]{1,16}$/.test(cursor)) {
    return failure(400, "InvalidRequest", "The cursor is not a number.");
  }
  const isNew = pathname === NEW_PATH;
  let filter = filterOf(searchParams, isNew);
  const { socket, response } = Deno.upgradeWebSocket(request);
  const ended = new AbortController();
  socket.onclose = () => ended.abort();
  socket.onerror = () => ended.abort();
  const signal = AbortSignal.any([ended.signal, stopped]);
  const place = cursor === null ? undefined : Number(cursor);
  const send = async (events: AsyncIterable<SequencedEvent>) => {
    for await (const event of events) {
      for (const frame of await framesOf(event, isNew)) {
        if (!isWanted(frame, filter)) continue;
        while (socket.bufferedAmount > MAX_BUFFERED) {
          await new Promise((resolve) => setTimeout(resolve, BUFFER_POLL_MS));
        }
        if (signal.aborted) return;
        socket.send(frame.text);
      }
    }
  };
  const run = () => {
    const sources = [
      eventsBehind(pds.ctx.sequencer, place, signal),
      ...hosts.map((host) => hostEvents(host, place, signal)),
    ];
    void Promise.all(sources.map(send)).catch(() => {})
      .finally(() => socket.close());
  };
  let waits = searchParams.get("requireHello") === "true";
  socket.onopen = () => waits || run();
  socket.onmessage = ({ data }) => {
    const update = readUpdate(data);
    if (!update) return socket.close();
    filter = update;
    if (waits) run();
    waits = false;
  };
  return response;
}

function filterOf(query: URLSearchParams, isNew: boolean): StreamFilter {
  const [collections, dids] = isNew
    ? ["collections", "dids"]
    : ["wantedCollections", "wantedDids"];
  return { collections: query.getAll(collections), dids: query.getAll(dids) };
}

/** The filter of an `options_update` message; undefined when it is none. */
function readUpdate(data: unknown): StreamFilter | undefined {
  try {
    const { type, payload } = JSON.parse(String(data));
    if (type !== "options_update") return undefined;
    const list = (value: unknown) =>
      Array.isArray(value) ? value.map(String) : [];
    return {
      collections: list(payload.wantedCollections),
      dids: list(payload.wantedDids),
    };
  } catch {
    return undefined;
  }
}

/** `com.atproto.sync.listReposByCollection`. */
async function listRepos(
  { pds: { ctx }, hosts }: Followed,
  query: URLSearchParams,
): Promise<Response> {
  const collection = query.get("collection");
  const limit = Number(query.get("limit") ?? DEFAULT_PAGE);
  if (collection === null || !(limit >= 1 && limit <= MAX_PAGE)) {
    return failure(400, "InvalidRequest", "Give a collection, and a limit.");
  }
  const after = query.get("cursor") ?? "";
  const rows = await ctx.accountManager.db.db.selectFrom("repo_root")
    .select("did").where("did", ">", after).orderBy("did").execute();
  const repos: { did: string }[] = [];
  for (const row of rows) {
    const did = row.did as `did:plc:${string}`;
    const account = await ctx.accountManager.getAccount(did);
    if (!account) continue; // not shown
    const collections = await ctx.actorStore.read(
      did,
      (store) => store.record.listCollections(),
    );
    if (!collections.some((nsid) => nsid === collection)) continue;
    repos.push({ did });
    if (repos.length === limit) return Response.json({ repos, cursor: did });
  }
  for (const host of hosts) {
    for (const did of await hostRepos(host, collection)) repos.push({ did });
  }
  return Response.json({ repos });
}

function failure(status: number, error: string, message: string): Response {
  return Response.json({ error, message }, { status });
}
