/**
 * CORS for what every site may read: pictures, the API, feeds, badges (Fetch
 * standard, "CORS protocol"). Browsers send no cookies along with such requests.
 *
 * @module
 */

/** Headers of a response that any site may read, with all its headers. */
export const CORS_HEADERS: Readonly<Record<string, string>> = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "*",
};

/** Sets the CORS headers. */
export function setCors(set: (name: string, value: string) => void): void {
  for (const [name, value] of Object.entries(CORS_HEADERS)) set(name, value);
}

/** Responds to a preflight: allows reads with any header, including conditional ones. */
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
