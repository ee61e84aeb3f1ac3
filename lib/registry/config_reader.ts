/**
 * Reads the configurations of images from their holds.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../did.ts";
import { isAppError } from "../errors.ts";
import type { Caller, HoldDirectory } from "../hold_api/hold_client.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { type Digest, digestOf, digestParts } from "../oci/digest.ts";
import { collect } from "../storage/stream.ts";

export interface ConfigReaderDeps {
  holds: HoldDirectory;
}

/** A configuration, or why there is none. */
export type ConfigOutcome =
  | { readonly kind: "json"; readonly value: unknown }
  /** It is no JSON, too large to show, or not what the digest says. */
  | { readonly kind: "unreadable" }
  /** The hold has lost it. */
  | { readonly kind: "missing" }
  /** The hold does not answer. */
  | { readonly kind: "unavailable"; readonly error: unknown };

/** Larger configurations are not read, in bytes. */
const MAX_BYTES = 1024 * 1024;

/** Bytes of configurations that are remembered; parsed ones take a few times as much. */
const MEMORY_BYTES = 8 * 1024 * 1024;

/** How long a hold may take, in milliseconds. */
const PATIENCE_MS = 4_000;

/** Reads configurations, which never change. */
export class ConfigReader {
  readonly #deps: ConfigReaderDeps;
  /** By hold and digest: who may read in one hold may not see what came from another. */
  readonly #memory = new LRUCache<string, { value: unknown; size: number }>({
    maxSize: MEMORY_BYTES,
    sizeCalculation: ({ size }) => Math.max(size, 256),
  });

  constructor(deps: ConfigReaderDeps) {
    this.#deps = deps;
  }

  /** The configuration `config` of an image in `hold` that `caller` may read. */
  async get(
    hold: Did,
    caller: Caller,
    config: Descriptor,
  ): Promise<ConfigOutcome> {
    const { digest, size } = config;
    const name = `${hold} ${digest}`;
    const known = this.#memory.get(name);
    if (known) return { kind: "json", value: known.value };
    if (size > MAX_BYTES) return { kind: "unreadable" };
    try {
      const bytes = await this.#bytes(hold, caller, digest);
      if (!bytes) return { kind: "missing" };
      if (digestOf(bytes, digestParts(digest).algorithm) !== digest) {
        return { kind: "unreadable" };
      }
      const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
      this.#memory.set(name, { value, size: bytes.length });
      return { kind: "json", value };
    } catch (error) {
      if (error instanceof SyntaxError) return { kind: "unreadable" };
      if (isAppError(error) || isTimeout(error)) {
        return { kind: "unavailable", error };
      }
      throw error;
    }
  }

  async #bytes(
    hold: Did,
    caller: Caller,
    digest: Digest,
  ): Promise<Uint8Array | undefined> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const client = await this.#deps.holds.get(hold);
    const opened = await client.open(caller, digest, undefined, signal);
    if (!opened) return undefined;
    if (opened.size > MAX_BYTES) {
      await opened.body.cancel();
      return undefined;
    }
    return await collect(opened.body, MAX_BYTES, signal);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === "TimeoutError";
}
