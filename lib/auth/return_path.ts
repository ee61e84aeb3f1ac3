/**
 * Redirect path after sign-in: only local pages.
 *
 * @module
 */

/** Maximum length of a path. */
const MAX_LENGTH = 500;

/** Placeholder for our own origin while a path is parsed. */
const HERE = "http://here.invalid";

/**
 * Returns the path, with query, that `given` refers to on this server, or `/`
 * when it refers to another server or a browser would not treat it as a local
 * path.
 */
export function returnPath(given: string | undefined): string {
  if (given === undefined || given.length > MAX_LENGTH) return "/";
  // Browsers treat \ as / and drop control characters, so both could hide //.
  if (!given.startsWith("/") || /[\\\p{C}]/u.test(given)) return "/";
  const url = URL.parse(given, HERE);
  if (!url || url.origin !== HERE) return "/";
  const path = `${url.pathname}${url.search}`;
  // Dots can collapse into a host: /.//example.com
  return path.startsWith("//") ? "/" : path;
}
