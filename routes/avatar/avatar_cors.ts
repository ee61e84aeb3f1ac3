/**
 * Lets scripts of every site read pictures and what is known of them
 * (Fetch standard, "CORS protocol"). Nothing here depends on who asks.
 *
 * @module
 */

/** Headers of an answer that any site may read, with all its headers. */
export const CORS_HEADERS: Readonly<Record<string, string>> = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "*",
};

/** Sets them one by one. */
export function setCors(set: (name: string, value: string) => void): void {
  for (const [name, value] of Object.entries(CORS_HEADERS)) set(name, value);
}

/** Answers a preflight: reading is allowed, with any header, conditional ones for example. */
export function preflightAnswer(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD",
      "access-control-allow-headers": "*",
      "access-control-max-age": "86400",
    },
  });
}
