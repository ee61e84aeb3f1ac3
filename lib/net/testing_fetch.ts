/**
 * Guarded fetches for tests: one that responds from a table, and the real one
 * over a made-up network.
 *
 * @module
 */

import {
  createGuardedFetch,
  type GuardedFetch,
  type GuardedFetchOptions,
} from "./guarded_fetch.ts";
import type { TransportRequest } from "./http_transport.ts";

/** The response for a URL: a Response, an Error to throw, a function of the request, or JSON. */
export type FakeAnswers = Record<string, unknown>;

/** Responds with the entry of `answers` for the full URL, 404 for everything else. */
export function fakeFetch(
  answers: FakeAnswers,
): { fetch: GuardedFetch; asked: string[] } {
  const asked: string[] = [];
  const fetch = async (
    input: string | URL | Request,
    init?: RequestInit,
  ): Promise<Response> => {
    const request = new Request(input, init);
    asked.push(request.url);
    const answer = answers[request.url] ??
      answers[request.url.replace(/\?.*/, "")];
    if (answer === undefined) return new Response("", { status: 404 });
    if (answer instanceof Error) throw answer;
    if (answer instanceof Response) return answer.clone();
    if (typeof answer === "function") return await answer(request);
    return Response.json(answer);
  };
  return { fetch: Object.assign(fetch, { close() {} }), asked };
}

/** Address of every host of {@linkcode publicFetch}. */
export const PUBLIC = "93.184.216.34";

/** A guarded fetch without network: every host is public, every request answered by `answer`. */
export function publicFetch(
  answer: (request: TransportRequest) => Response | Promise<Response>,
  options: Partial<GuardedFetchOptions> = {},
) {
  const sent: TransportRequest[] = [];
  const fetch = createGuardedFetch({
    userAgent: "test/1",
    resolve: () => Promise.resolve([PUBLIC]),
    ...options,
    transport: {
      send: async (request) => {
        sent.push(request);
        return await answer(request);
      },
      close() {},
    },
  });
  return { fetch, sent };
}

/** The response `ok`. */
export const ok = () => new Response("ok");
