/**
 * Request heads that two servers can read in two ways. One of a proxy and us
 * would take the request for another one than the other does, so they are
 * refused (RFC 9112, sections 3.2 and 6.1).
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

/** Answers 400 and ends the connection: what follows on it cannot be told apart. */
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

/** Whether the head says that a body follows. */
export function announcesBody({ headers }: IncomingMessage): boolean {
  return (headers["content-length"] ?? "0") !== "0" ||
    headers["transfer-encoding"] !== undefined;
}
