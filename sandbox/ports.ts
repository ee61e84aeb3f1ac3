/**
 * Ports of the servers on the loopback addresses.
 *
 * @module
 */

import { StartFailure } from "./failure.ts";

// Below the ephemeral port ranges (Linux from 32768, others from 49152), so
// that the chosen port is likely to be free at the next start.
const FIRST_PORT = 21_000;
const LAST_PORT = 29_999;
const TRIES = 100;

/** The machine's loopback addresses: 127.0.0.1, and ::1 where IPv6 works. */
export function loopbackAddresses(): string[] {
  return ["127.0.0.1", ...(canListen("::1", 0) ? ["::1"] : [])];
}

/** Whether `port` can be listened on at each of `addresses`. */
export function isFree(port: number, addresses: readonly string[]): boolean {
  return addresses.every((address) => canListen(address, port));
}

/**
 * Picks a free port that is none of `taken`.
 *
 * @throws {StartFailure} when 100 random ports were taken.
 */
export function pickPort(
  addresses: readonly string[],
  taken: readonly (number | undefined)[],
): number {
  for (let i = 0; i < TRIES; i++) {
    const span = LAST_PORT - FIRST_PORT + 1;
    const port = FIRST_PORT + Math.floor(Math.random() * span);
    if (!taken.includes(port) && isFree(port, addresses)) return port;
  }
  throw new StartFailure(
    `No free port was found between ${FIRST_PORT} and ${LAST_PORT}. Set ` +
      "ATCR_SANDBOX_PDS_PORT and ATCR_SANDBOX_PLC_PORT to two free ports.",
  );
}

function canListen(hostname: string, port: number): boolean {
  try {
    Deno.listen({ hostname, port }).close();
    return true;
  } catch (error) {
    // A missing address family, a taken port and a port below 1024 cause
    // different errors; none of them can be used.
    if (error instanceof Deno.errors.NotCapable) throw error;
    return false;
  }
}
