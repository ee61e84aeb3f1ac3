/**
 * Ports for the servers that tests start.
 *
 * @module
 */

import { tmpdir } from "node:os";
import { join } from "node:path";

// Below those that the sandbox network chooses from and those that the system
// gives to outgoing connections, so that neither takes one meanwhile, or while
// a server is started again.
const FIRST_PORT = 12_000;
const LAST_PORT = 20_999;

/**
 * A free port of 127.0.0.1 that is not handed out again soon: all tests of a
 * machine take ports in sequence, so that concurrent tests cannot choose the
 * same one before they listen.
 */
export function freePort(): number {
  const user = Deno.uid() ?? "user";
  const path = join(tmpdir(), `atcr-test-ports-${user}`);
  using file = Deno.openSync(path, { read: true, write: true, create: true });
  file.lockSync(true); // until it is closed
  const buffer = new Uint8Array(8);
  const length = file.readSync(buffer) ?? 0;
  const last = Number(new TextDecoder().decode(buffer.subarray(0, length)));
  let port = last;
  do {
    port = port >= FIRST_PORT && port < LAST_PORT ? port + 1 : FIRST_PORT;
  } while (!canListen(port));
  file.seekSync(0, Deno.SeekMode.Start);
  file.writeSync(new TextEncoder().encode(`${port}`));
  return port;
}

/** {@linkcode freePort} so many times. */
export function freePorts(count: number): number[] {
  return Array.from({ length: count }, freePort);
}

function canListen(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
