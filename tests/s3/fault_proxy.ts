/**
 * A fault-injecting proxy for S3 servers, with the faults of networks and busy
 * servers.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import http from "node:http";

/** What can go wrong with a request. */
export const FAULTS = [
  "reset", // the connection is cut before the server sees the request
  "cut request", // the server sees half of the request
  "slow down", // 503 SlowDown
  "internal error", // 500 InternalError
  "lost answer", // the request succeeded, the response is lost
  "cut answer", // half of the answer
  "stall", // no answer at all
] as const;
export type Fault = typeof FAULTS[number];

/** A running proxy. */
export interface FaultProxy {
  /** URL to use in place of the server's. */
  readonly url: string;
  /** Faults so far, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** Requests so far. */
  readonly requests: number;
  /** Injects faults chosen by `choose` from now on. */
  choose: (request: http.IncomingMessage) => Fault | undefined;
  close(): Promise<void>;
}

/** Starts a proxy in front of `target`, a URL with host and port. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const counts: Record<string, number> = {};
  const agent = new http.Agent({ keepAlive: true });
  let requests = 0;

  const forward = (
    request: http.IncomingMessage,
    body: Buffer,
    sent = body,
  ): Promise<{ status: number; headers: string[]; body: Buffer }> =>
    new Promise((resolve, reject) => {
      const { method = "GET", url = "/" } = request;
      const headers = { ...request.headers };
      delete headers.connection;
      const options = { hostname, port, method, path: url, headers, agent };
      const onward = http.request(options, async (answer) => {
        try {
          const chunks = await Array.fromAsync<Uint8Array>(answer);
          resolve({
            status: answer.statusCode ?? 502,
            headers: answer.rawHeaders,
            body: Buffer.concat(chunks),
          });
        } catch (error) {
          reject(error);
        }
      });
      onward.on("error", reject);
      if (sent.length === body.length) onward.end(body);
      else onward.write(sent, () => onward.destroy(new Error("cut")));
    });

  const server = http.createServer(async (request, response) => {
    requests++;
    const fault = proxy.choose(request);
    if (fault) counts[fault] = (counts[fault] ?? 0) + 1;
    try {
      if (fault === "reset") return request.socket.destroy();
      const body = Buffer.concat(await Array.fromAsync<Uint8Array>(request));
      if (fault === "stall") return;
      if (fault === "slow down") return refuse(response, 503, "SlowDown");
      if (fault === "internal error") {
        return refuse(response, 500, "InternalError");
      }
      if (fault === "cut request") {
        const half = body.subarray(0, Math.floor(body.length / 2));
        await forward(request, body, half).catch(() => {});
        return request.socket.destroy();
      }
      const answer = await forward(request, body);
      if (fault === "lost answer") return request.socket.destroy();
      response.writeHead(answer.status, answer.headers);
      if (fault !== "cut answer") return response.end(answer.body);
      const half = Math.floor(answer.body.length / 2);
      response.flushHeaders();
      response.write(answer.body.subarray(0, half), () => {
        request.socket.destroy();
      });
    } catch {
      request.socket.destroy();
    }
  });
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await listening;
  const address = server.address();
  const own = typeof address === "object" ? address?.port : undefined;
  const proxy = {
    url: `http://127.0.0.1:${own}`,
    counts,
    get requests() {
      return requests;
    },
    choose: (_: http.IncomingMessage): Fault | undefined => undefined,
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      await promise;
    },
  };
  return proxy;
}

function refuse(
  response: http.ServerResponse,
  status: number,
  code: string,
): void {
  response.writeHead(status, { "content-type": "application/xml" });
  response.end(
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>x</Message></Error>`,
  );
}
