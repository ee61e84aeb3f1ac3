/**
 * The network address that a request comes from.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { isIP } from "node:net";
import type { Connection } from "./serve.ts";

/** Gives the address of the client of a request, or `unknown`. */
export type ClientAddress = (c: Context) => string;

/**
 * Reads the address from the connection, or, behind a trusted proxy, from the
 * last entry of `X-Forwarded-For`, which is the one that the proxy has written.
 */
export function clientAddress(options: { trustProxy: boolean }): ClientAddress {
  return (c) => {
    if (options.trustProxy) {
      const last = c.req.header("x-forwarded-for")?.split(",").at(-1)?.trim();
      if (last !== undefined && isIP(last) !== 0) return last;
    }
    const connection = c.env as Partial<Connection> | undefined;
    return connection?.remoteAddress ?? "unknown";
  };
}
