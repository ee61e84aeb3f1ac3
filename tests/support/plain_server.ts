/**
 * A server that does the least a registry has to do with bytes: PUT hashes a
 * body and writes it to a file, GET reads the file and sends it. The cost of a
 * transfer is compared with it.
 *
 *   deno run -A plain_server.ts HOST:PORT FILE
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";

const READ_BYTES = 512 * 1024;
const [host = "", path = ""] = Deno.args;
const { hostname, port } = new URL(`http://${host}`);

async function keep(request: IncomingMessage): Promise<void> {
  using file = await Deno.create(path);
  const hash = createHash("sha256");
  for await (const chunk of request) {
    hash.update(chunk);
    for (let at = 0; at < chunk.length;) {
      at += await file.write(chunk.subarray(at));
    }
  }
  await file.syncData();
  hash.digest();
}

async function send(response: ServerResponse): Promise<void> {
  using file = await Deno.open(path);
  const { size } = await file.stat();
  response.writeHead(200, { "content-length": size });
  const buffer = new Uint8Array(READ_BYTES);
  for (
    let count = await file.read(buffer);
    count;
    count = await file.read(buffer)
  ) {
    const sent = Promise.withResolvers<void>();
    response.write(buffer.subarray(0, count), () => sent.resolve());
    await sent.promise;
  }
}

// Connections are kept while the program under comparison has its turn.
const keepAliveTimeout = 600_000;

createServer({ keepAliveTimeout }, async (request, response) => {
  if (request.method === "PUT") await keep(request);
  if (request.method === "GET" && request.url === "/") await send(response);
  response.end();
}).listen(Number(port), hostname);
