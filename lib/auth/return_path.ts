/**
 * Where to go on after signing in: only to pages of ours.
 *
 * @module
 */

/** Longest path that is kept. */
const MAX_LENGTH = 500;

/** Stands for our own origin while a path is looked at. */
const HERE = "http://here.invalid";

/**
 * The path, with query, that `given` names on this server, or `/` when it names
 * another server or nothing that a browser would take for a path of ours.
 */
export function returnPath(given: string | undefined): string {
  if (given === undefined || given.length > MAX_LENGTH) return "/";
  // Browsers read \ as / and drop control characters, so both could hide //.
  if (!given.startsWith("/") || /[\\\p{C}]/u.test(given)) return "/";
  const url = URL.parse(given, HERE);
  if (!url || url.origin !== HERE) return "/";
  const path = `${url.pathname}${url.search}`;
  // Dots can collapse into a host: /.//example.com
  return path.startsWith("//") ? "/" : path;
}
