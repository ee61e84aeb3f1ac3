/**
 * Worker threads without any permission.
 *
 * @module
 */

/**
 * Starts the module at `url` on a thread without any permission: so that code
 * exploited by hostile input can neither read files nor reach the network.
 *
 * Returns undefined where no thread can be started: its code may not be read,
 * or the platform has no workers.
 */
export function sealedWorker(url: URL): Worker | undefined {
  if (typeof Worker !== "function") return undefined;
  const { state } = Deno.permissions.querySync({ name: "read", path: url });
  if (state !== "granted") return undefined;
  return new Worker(url, { type: "module", deno: { permissions: "none" } });
}
