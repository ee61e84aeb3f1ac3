/**
 * Proxies in front of the sandbox's PDS and PLC directory, through which the
 * instances see a network that fails in the ways that networks do.
 *
 * @module
 */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Random } from "./random.ts";

/** How the PDS behaves at the moment. */
export type Weather =
  | "fine"
  /** Connections are cut without a response. */
  | "cut"
  /** No response while it lasts. */
  | "hang"
  /** 503. */
  | "broken"
  /** 429 with the seconds to wait. */
  | "busy"
  /** Responses one to three seconds late. */
  | "slow"
  /** Requests are carried out, responses are lost. */
  | "deaf"
  /** Requests are carried out, responses break off after their head. */
  | "torn";

/** Every kind of bad weather. */
export const BAD_WEATHER: readonly Weather[] = [
  ...["cut", "hang", "broken", "busy", "slow", "deaf", "torn"] as const,
];

/** A network that can be disturbed. */
export interface WeatherNetwork extends AsyncDisposable {
  readonly pds: string;
  readonly plc: string;
  /** Sets the weather at the PDS until it is set again. */
  set(weather: Weather): void;
}

/** Starts the proxies; `random` decides about delays. */
export async function startWeather(
  real: { readonly pds: string; readonly plc: string },
  random: Random,
): Promise<WeatherNetwork> {
  let weather: Weather = "fine";
  let changed = Promise.withResolvers<void>();
  const pds = await listen(async (request) => {
    switch (weather) {
      case "cut":
        return "cut";
      case "hang":
        await changed.promise;
        return "cut";
      case "broken":
        return json(503, { error: "NotEnoughResources" });
      case "busy":
        return json(429, { error: "RateLimitExceeded" }, {
          "retry-after": "2",
          "ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 2),
        });
      case "deaf":
        await forward(request, real.pds);
        return "cut";
      case "torn":
        return { ...await forward(request, real.pds), isTorn: true };
      case "slow":
        await sleep(1000 + random.below(2000));
    }
    return await forward(request, real.pds);
  });
  const plc = await listen(async (request) => {
    const answer = await forward(request, real.plc);
    const text = new TextDecoder().decode(answer.body)
      .replaceAll(real.pds, pds.origin);
    return { ...answer, body: new TextEncoder().encode(text) };
  });
  return {
    pds: pds.origin,
    plc: plc.origin,
    set(next) {
      weather = next;
      changed.resolve();
      changed = Promise.withResolvers();
    },
    [Symbol.asyncDispose]: async () => {
      weather = "fine";
      changed.resolve();
      await Promise.all([pds.close(), plc.close()]);
    },
  };
}

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether the connection is cut in the middle of the response. */
  readonly isTorn?: boolean;
}

function json(
  status: number,
  value: unknown,
  headers: Record<string, string> = {},
): Answer {
  return {
    status,
    headers: new Headers({ "content-type": "application/json", ...headers }),
    body: new TextEncoder().encode(JSON.stringify(value)),
  };
}

async function forward(
  { method, path, headers, body }: Request,
  origin: string,
): Promise<Answer> {
  const response = await fetch(origin + path, {
    method,
    headers,
    redirect: "manual",
    ...(method === "GET" || method === "HEAD" ? {} : { body }),
  });
  const kept = new Headers(response.headers);
  for (const name of ["content-encoding", "content-length"]) kept.delete(name);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: kept, body: bytes };
}

/** A server on a free port; it cuts connections where its handler says so, or fails. */
async function listen(handler: (request: Request) => Promise<Answer | "cut">) {
  const server = createServer(async (incoming, outgoing) => {
    const cut = () => incoming.socket.destroy();
    try {
      const headers = new Headers();
      for (const [name, value] of Object.entries(incoming.headers)) {
        if (!DROPPED.has(name)) headers.set(name, String(value));
      }
      const answer = await handler({
        method: incoming.method ?? "GET",
        path: incoming.url ?? "/",
        headers,
        body: new Uint8Array(await buffer(incoming)),
      });
      if (answer === "cut") return cut();
      const { status, body, isTorn = false } = answer;
      outgoing.writeHead(status, {
        ...Object.fromEntries(answer.headers),
        // Of an empty body, too, something is missing then.
        "content-length": body.length + (isTorn ? 1 : 0),
      });
      if (isTorn) outgoing.write(body, cut);
      else outgoing.end(body);
    } catch {
      cut();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://localhost:${port}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Headers of a request that belong to its connection. */
const DROPPED: ReadonlySet<string> = new Set([
  ...["host", "connection", "content-length", "transfer-encoding"],
]);

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
