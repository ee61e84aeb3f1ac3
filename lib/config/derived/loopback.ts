/**
 * Loopback addresses.
 *
 * @module
 */

/** Whether a URL refers to the local machine. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
