/**
 * The only unguarded fetch: for addresses configured by the operator, which may
 * be private or without https.
 *
 * @module
 */

/** Fetches an address of the operator's own configuration, within `timeoutMs`. */
export function operatorFetch(
  url: string,
  { timeoutMs, headers }: {
    readonly timeoutMs: number;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<Response> {
  return fetch(url, {
    signal: AbortSignal.timeout(timeoutMs),
    ...(headers === undefined ? {} : { headers }),
  });
}
