/**
 * Detects ambiguous request heads, which a proxy and this server could
 * interpret differently (request smuggling). They are refused (RFC 9112,
 * sections 3.2 and 6.1).
 *
 * @module
 */

import type { IncomingMessage, ServerResponse } from "node:http";

/** Whether the head has several `Host` lines, or a transfer coding that we do not decode. */
export function isAmbiguous(request: IncomingMessage): boolean {
  const { rawHeaders } = request;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
    else if (
      name.length === 17 && name.toLowerCase() === "transfer-encoding" &&
      rawHeaders[i + 1]?.trim().toLowerCase() !== "chunked"
    ) return true;
  }
  return hosts > 1;
}

/** Responds with 400 and closes the connection: the boundary of the next request is unknown. */
export function refuseAmbiguous(
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const text =
    "The request is malformed: it must have one Host header and no transfer coding but chunked.\n";
  response.writeHead(400, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": String(text.length),
    "connection": "close",
  });
  response.end(request.method === "HEAD" ? undefined : text);
}

/** Whether the head announces a body. */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return (headers["content-length"] ?? "0") !== "0" ||
    headers["transfer-encoding"] !== undefined;
}
