/**
 * Proxies in front of the sandbox's PDS and PLC directory, through which the
 * instances see a network that fails in the ways that networks do.
 *
 * @module
 */

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
  | "deaf";

/** Every kind of bad weather. */
export const BAD_WEATHER: readonly Weather[] = [
  ...["cut", "hang", "broken", "busy", "slow", "deaf"] as const,
];

/** A network that can be disturbed. */
export interface WeatherNetwork extends AsyncDisposable {
  readonly pds: string;
  readonly plc: string;
  /** Sets the weather at the PDS until it is set again. */
  set(weather: Weather): void;
}

/** Starts the proxies; `random` decides about delays. */
export function startWeather(
  real: { readonly pds: string; readonly plc: string },
  random: Random,
): WeatherNetwork {
  let weather: Weather = "fine";
  let changed = Promise.withResolvers<void>();
  const forward = async (request: Request, origin: string) => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.delete("host");
    const response = await fetch(`${origin}${pathname}${search}`, {
      method: request.method,
      headers,
      body: request.body,
      redirect: "manual",
    });
    const answer = new Headers(response.headers);
    answer.delete("content-encoding");
    answer.delete("content-length");
    const { status, body } = response;
    return new Response(body, { status, headers: answer });
  };
  const pds = listen(async (request) => {
    switch (weather) {
      case "cut":
        throw new Error("cut");
      case "hang":
        await changed.promise;
        throw new Error("hung up");
      case "broken":
        return Response.json({ error: "NotEnoughResources" }, { status: 503 });
      case "busy":
        return Response.json({ error: "RateLimitExceeded" }, {
          status: 429,
          headers: {
            "retry-after": "2",
            "ratelimit-reset": String(Math.ceil(Date.now() / 1000) + 2),
          },
        });
      case "deaf":
        await (await forward(request, real.pds)).body?.cancel();
        throw new Error("lost");
      case "slow":
        await sleep(1000 + random.below(2000));
    }
    return await forward(request, real.pds);
  });
  const plc = listen(async (request) => {
    const response = await forward(request, real.plc);
    const text = (await response.text()).replaceAll(real.pds, pds.origin);
    return new Response(text, {
      status: response.status,
      headers: { "content-type": "application/json" },
    });
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
      await Promise.all([pds.server.shutdown(), plc.server.shutdown()]);
    },
  };
}

/** A server on a free port whose failing handlers cut the connection. */
function listen(handler: (request: Request) => Promise<Response>) {
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    onListen: () => {},
    // The body of this response fails, which ends the connection.
    onError: () =>
      new Response(
        new ReadableStream({ start: (stream) => stream.error(new Error()) }),
        { headers: { "content-length": "1" } },
      ),
  }, handler);
  return { server, origin: `http://localhost:${server.addr.port}` };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
