/**
 * Addresses on which the server listens.
 *
 * @module
 */

/**
 * Splits `:5000`, `127.0.0.1:5000`, `[::1]:5000`, `localhost:5000` or `5000`;
 * undefined for anything else. With port 0 the system chooses one.
 */
export function parseListenAddress(
  address: string,
): { hostname: string | undefined; port: number } | undefined {
  const match = /^(?:(\[[0-9a-f:.]{2,45}\]|[a-z0-9.-]{1,253})?:)?(\d{1,5})$/i
    .exec(address);
  if (match === null) return undefined;
  const port = Number(match[2]);
  if (port > 65_535) return undefined;
  return { hostname: match[1]?.replace(/^\[|\]$/g, ""), port };
}
