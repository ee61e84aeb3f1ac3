/**
 * The only unguarded fetch: for addresses configured by the operator, which may
 * be private or without https.
 *
 * @module
 */

/** Fetches an address of the operator's own configuration, within `timeoutMs`. */
export function operatorFetch(
  url: string,
  { timeoutMs, ...init }: {
    readonly timeoutMs: number;
    readonly headers?: Record<string, string>;
    readonly method?: string;
    readonly body?: string;
  },
): Promise<Response> {
  return fetch(url, { ...init, signal: AbortSignal.timeout(timeoutMs) });
}
