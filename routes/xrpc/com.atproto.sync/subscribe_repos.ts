/**
 * The request part of `com.atproto.sync.subscribeRepos`.
 *
 * @module
 */

import type { Connection } from "../../server/serve.ts";
import { method } from "../mount.ts";
import { refuse } from "../refusals.ts";
import { cursorOf } from "./event_socket.ts";

export interface SubscribeReposDeps {
  /**
   * Upgrades a request for the event stream, on servers where requests are
   * upgraded instead of an upgrade event.
   */
  readonly upgrade?: (request: Request, cursor: number | undefined) => Response;
}

/** Streams the events of the repo. */
export function subscribeRepos({ upgrade }: SubscribeReposDeps) {
  const nsid = "com.atproto.sync.subscribeRepos";
  return method(nsid, {
    handle({ c }) {
      const cursor = cursorOf(new URL(c.req.url).searchParams);
      const isSocket = c.req.header("upgrade")?.toLowerCase() === "websocket";
      if (isSocket && upgrade) {
        const response = upgrade(c.req.raw, cursor);
        const connection: Connection = c.env ?? {};
        connection.upgraded = response;
        return response;
      }
      refuse(`${nsid} is an event stream; connect with a WebSocket.`);
    },
  });
}
