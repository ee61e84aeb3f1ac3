/**
 * Threads that may do nothing but compute.
 *
 * @module
 */

/**
 * Starts the module at `url` on a thread without any permission: whatever a
 * hostile input makes of it can neither read files nor reach the network.
 *
 * Returns undefined where no thread can be had: its code may not be read, or
 * the platform has none.
 */
export function sealedWorker(url: URL): Worker | undefined {
  if (typeof Worker !== "function") return undefined;
  const { state } = Deno.permissions.querySync({ name: "read", path: url });
  if (state !== "granted") return undefined;
  return new Worker(url, { type: "module", deno: { permissions: "none" } });
}
