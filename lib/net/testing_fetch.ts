/**
 * A guarded fetch for tests that responds from a table.
 *
 * @module
 */

import type { GuardedFetch } from "./guarded_fetch.ts";

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
