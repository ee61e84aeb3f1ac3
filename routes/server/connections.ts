/**
 * Limits the connections of the server. Each takes a file descriptor; without
 * free descriptors, storage and database fail, and `node:http` stops accepting
 * permanently.
 *
 * @module
 */

import type { Socket } from "node:net";
import { isLoopbackAddress, subjectOf } from "../../lib/net/client_subject.ts";

/** Maximum concurrent connections; see {@linkcode connectionLimits}. */
export interface ConnectionLimits {
  readonly total: number;
  /** From one IPv4 address or IPv6 /64 network; undefined behind a proxy. */
  readonly perAddress: number | undefined;
}

/** Settings of the operator; 0 means automatic. */
export interface ConnectionSettings {
  readonly max_connections: number;
  readonly max_connections_per_address: number;
  readonly trust_proxy: boolean;
}

/** Maximum without the setting: each connection takes some tens of kilobytes. */
const MAX_TOTAL = 4_096;
const MAX_PER_ADDRESS = 256;

/** Descriptors that the program needs without any connection. */
const RESERVED = 64;

/** The usual soft limit, if the system does not report one. */
const USUAL_DESCRIPTORS = 1_024;

/**
 * The limits for a process with `descriptors` file descriptors. A request needs
 * two, its connection and a file or a connection to storage, so half of them
 * are for connections.
 */
export function connectionLimits(
  settings: ConnectionSettings,
  descriptors: number | undefined,
): ConnectionLimits {
  const usable = Math.max(8, (descriptors ?? USUAL_DESCRIPTORS) - RESERVED);
  const total = settings.max_connections === 0
    ? Math.min(MAX_TOTAL, Math.floor(usable / 2))
    : descriptors === undefined
    ? settings.max_connections // The operator knows the system's limit.
    // Refused connections need a descriptor too, until they are closed.
    : Math.min(settings.max_connections, Math.floor(usable * 3 / 4));
  const perAddress = settings.max_connections_per_address === 0
    ? Math.min(MAX_PER_ADDRESS, Math.ceil(total / 4))
    : settings.max_connections_per_address;
  return { total, perAddress: settings.trust_proxy ? undefined : perAddress };
}

/**
 * The process's limit of open files; undefined if unknown. Deno allows only a
 * process with all permissions to read it.
 */
export function descriptorLimit(): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    const text = Deno.readTextFileSync("/proc/self/limits");
    const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined; // No such file system here, or no right to read it.
  }
}

/** Why a connection is refused. */
export type Refused = "total" | "address";

/** Counts connections from their beginning to their end. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #byAddress = new Map<string, number>();
  #total = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Open connections. */
  get size(): number {
    return this.#total;
  }

  /**
   * Counts `socket` until it closes; when there are too many, returns the
   * exceeded limit and does not count it.
   */
  admit(socket: Socket): Refused | undefined {
    if (this.#total >= this.#limits.total) return "total";
    const subject = this.#subject(socket.remoteAddress);
    const count = subject === undefined ? 0 : this.#byAddress.get(subject) ?? 0;
    const { perAddress } = this.#limits;
    if (perAddress !== undefined && count >= perAddress) return "address";
    this.#total++;
    if (subject !== undefined) this.#byAddress.set(subject, count + 1);
    socket.once("close", () => this.#leave(subject));
    return undefined;
  }

  #leave(subject: string | undefined): void {
    this.#total--;
    if (subject === undefined) return;
    const left = (this.#byAddress.get(subject) ?? 1) - 1;
    if (left > 0) this.#byAddress.set(subject, left);
    else this.#byAddress.delete(subject);
  }

  /** The subject of the connection; loopback may be a proxy for many clients. */
  #subject(address: string | undefined): string | undefined {
    if (this.#limits.perAddress === undefined) return undefined;
    if (address === undefined || isLoopbackAddress(address)) return undefined;
    return subjectOf(address);
  }
}
