/**
 * The network address that a request comes from.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { isLoopbackAddress, subjectOf } from "../../lib/net/client_subject.ts";
import { isPublicAddress } from "../../lib/net/public_address.ts";
import type { Connection } from "./serve.ts";

/** `192.0.2.1:443`, `[2001:db8::1]:443` or `[2001:db8::1]`: some proxies add the port. */
const WITH_PORT = /^(?:\[(?<v6>[^\]]+)\](?::\d{1,5})?|(?<v4>[\d.]+):\d{1,5})$/;

/** Returns the address of the client of a request, or `unknown`. */
export type ClientAddress = (c: Context) => string;

/**
 * Reads the address from the connection, or, behind a trusted proxy, from the
 * last entry of `X-Forwarded-For`, which the proxy has written. With
 * `nearProxy` a peer whose address is not public counts as such a proxy if it
 * names a client.
 */
export function clientAddress(
  options: { trustProxy: boolean; nearProxy?: boolean },
): ClientAddress {
  return (c) => {
    if (options.trustProxy) {
      return lastForwarded(c.req.header("x-forwarded-for")) ?? "unknown";
    }
    const connection = c.env as Partial<Connection> | undefined;
    const peer = connection?.remoteAddress ?? "unknown";
    const isNear = options.nearProxy === true && !isPublicAddress(peer);
    const named = isNear
      ? lastForwarded(c.req.header("x-forwarded-for"))
      : undefined;
    return named ?? peer;
  };
}

/**
 * The subject of limits by address for a WebSocket. Undefined for loopback and
 * for a trusted proxy that names no client, which may serve many.
 */
export function socketSubject(
  options: { trustProxy: boolean },
): (request: IncomingMessage) => string | undefined {
  return ({ headers, socket }) => {
    const address = options.trustProxy
      ? lastForwarded(String(headers["x-forwarded-for"] ?? ""))
      : socket.remoteAddress;
    if (address === undefined || isLoopbackAddress(address)) return undefined;
    return subjectOf(address);
  };
}

/** The entry of `X-Forwarded-For` that the nearest proxy has written. */
function lastForwarded(header: string | undefined): string | undefined {
  const last = header?.split(",").at(-1)?.trim() ?? "";
  if (isIP(last) !== 0) return last;
  const { v6, v4 } = WITH_PORT.exec(last)?.groups ?? {};
  const address = v6 ?? v4 ?? "";
  return isIP(address) === (v6 === undefined ? 4 : 6) ? address : undefined;
}
