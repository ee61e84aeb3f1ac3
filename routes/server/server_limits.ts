/**
 * Limits for clients of the server.
 *
 * @module
 */

import {
  type ConnectionLimits,
  connectionLimits,
  type ConnectionSettings,
  descriptorLimit,
} from "./connections.ts";

/** How often connections are checked, in milliseconds. */
export const LOOK_MS = 5_000;

/** Limits for clients of the server. Times in milliseconds. */
export interface ServerLimits {
  readonly connections: ConnectionLimits;
  /** For the head of a request. */
  readonly headMs: number;
  /** Without progress of a request body or a response. */
  readonly idleMs: number;
  /** Between requests of a connection. */
  readonly keepAliveMs: number;
}

/** The limits in the settings. */
export function serverLimits(
  settings: ConnectionSettings & {
    readonly head_timeout_seconds: number;
    readonly idle_timeout_seconds: number;
    readonly keep_alive_seconds: number;
  },
): ServerLimits {
  return {
    connections: connectionLimits(settings, descriptorLimit()),
    headMs: settings.head_timeout_seconds * 1000,
    idleMs: settings.idle_timeout_seconds * 1000,
    keepAliveMs: settings.keep_alive_seconds * 1000,
  };
}

/** For servers on loopback, such as those of tests. */
export const NO_LIMITS: ServerLimits = {
  connections: { total: Infinity, perAddress: undefined },
  headMs: 60_000,
  idleMs: Infinity,
  keepAliveMs: 5_000,
};
