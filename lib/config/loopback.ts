/**
 * Addresses of the machine itself.
 *
 * @module
 */

/** Whether an address (a URL) reaches only the machine itself. */
export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
