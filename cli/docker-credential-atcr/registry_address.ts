/**
 * Parses addresses of registries, as users and container clients write them.
 *
 * @module
 */

import { Failure } from "./failure.ts";

/** A registry. */
export interface RegistryAddress {
  /** As in image names and in docker's configuration: `registry.example.com`, `localhost:5000`. */
  readonly host: string;
  /** Origin of its pages and API. */
  readonly origin: string;
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/**
 * Parses `host[:port]` or a URL. Loopback hosts use http, others https. Throws
 * {@linkcode Failure}.
 */
export function registryAddress(text: string): RegistryAddress {
  const trimmed = text.trim().replace(/\/+$/, "");
  const scheme = LOOPBACK.test(trimmed) ? "http" : "https";
  const url = URL.parse(
    /^https?:\/\//.test(trimmed) ? trimmed : `${scheme}://${trimmed}`,
  );
  if (!url || url.pathname !== "/" || url.username !== "" || url.search) {
    throw new Failure(
      `"${text}" is not a registry; use its host, for example registry.example.com.`,
    );
  }
  return { host: url.host, origin: url.origin };
}

/** The key for credentials of `server`, which is docker's name. */
export function serverKey(server: string): string {
  return server.trim().replace(/^https?:\/\//, "").replace(/\/+$/, "");
}
