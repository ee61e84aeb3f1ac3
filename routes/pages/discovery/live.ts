/**
 * Serves new pushes as events (HTML standard, "Server-sent events").
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { LIVE_PATH, type LivePush } from "../../../islands/live_pushes.tsx";
import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import { AppError } from "../../../lib/errors.ts";
import {
  idOf,
  type LiveActivity,
  type LivePush as Push,
} from "../../../lib/index/counts/live_activity.ts";
import type { AppEnv } from "../../middleware.ts";
import type { ClientAddress } from "../../server/client_address.ts";
import type { PictureOf } from "../pictures.ts";
import { tagUrl } from "../urls.ts";
import { shortName } from "./lists.ts";

export interface LiveDeps {
  readonly live: LiveActivity;
  readonly catalog: Pick<CatalogContext, "names">;
  readonly pictureOf: PictureOf;
  readonly addressOf: ClientAddress;
}

/** Connections from one address: windows of one person. */
const MAX_OF_ADDRESS = 6;

/** Events that a slow client may be behind. */
const MAX_BEHIND = 64;

/** How long browsers wait before they connect again, in milliseconds. */
const RETRY_MS = 10_000;

/** Serves {@linkcode LIVE_PATH}. */
export function liveRoutes(deps: LiveDeps): Hono<AppEnv> {
  const open = new Map<string, number>();
  return new Hono<AppEnv>().get(LIVE_PATH, (c) => {
    const headers = {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // Proxies pass each event on at once.
      "x-accel-buffering": "no",
    };
    // Nobody would read the events, or end them.
    if (c.req.method === "HEAD") return c.body(null, 200, headers);
    const address = deps.addressOf(c);
    const count = open.get(address) ?? 0;
    if (count >= MAX_OF_ADDRESS) throw tooMany();
    const body = eventsOf(deps, c, () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    open.set(address, count + 1);
    return c.body(body, 200, headers);
  });
}

/** The events of one connection; `onEnd` is called once. Throws AppError `TOOMANYREQUESTS`. */
function eventsOf(
  { live, ...deps }: LiveDeps,
  c: Context<AppEnv>,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const queue = new TransformStream<string, Uint8Array>({
    transform: (text, out) => out.enqueue(encoder.encode(text)),
  }, { highWaterMark: MAX_BEHIND });
  const writer = queue.writable.getWriter();
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    leave?.();
    onEnd();
    writer.close().catch(() => {});
  };
  const send = (text: string) => {
    if ((writer.desiredSize ?? 0) <= 0) end();
    else writer.write(text).catch(end);
  };
  const leave = live.listen({
    pushed: (push) => {
      void eventOf(deps, push).then(send, end);
    },
    quiet: () => send(": quiet\n\n"),
    ended: end,
  });
  if (!leave) throw tooMany();
  c.req.raw.signal.addEventListener("abort", end);
  writer.closed.catch(end);
  send(`retry: ${RETRY_MS}\n\n`);
  return queue.readable;
}

async function eventOf(
  { catalog, pictureOf }: Pick<LiveDeps, "catalog" | "pictureOf">,
  push: Push,
): Promise<string> {
  const { did, repo, tag, at } = push;
  const owner = shortName((await catalog.names.read([did])).of(did));
  const data: LivePush = {
    ...{ id: idOf(push), owner, repo, tag, at },
    href: tagUrl({ owner, repo }, tag),
    picture: pictureOf?.(owner),
  };
  return `event: push\ndata: ${JSON.stringify(data)}\n\n`;
}

function tooMany(): AppError {
  return new AppError(
    "TOOMANYREQUESTS",
    "Too many pages listen for new pushes at the moment; load the page again later.",
    { retryAfterSeconds: 60 },
  );
}
