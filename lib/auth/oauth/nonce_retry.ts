/**
 * Retries requests whose DPoP nonce was consumed by a concurrent request (RFC
 * 9449, section 9).
 *
 * @module
 */

import { KeyedMutex } from "../../async/keyed_mutex.ts";
import { XrpcFailure } from "../../atproto/pds/xrpc.ts";
import type { Did } from "../../did.ts";

/** Maximum retries of a request. */
const MAX_RETRIES = 5;

/**
 * Retries requests that a server refuses because of their nonce. The client
 * itself retries once; where nonces are single-use, concurrent requests of an
 * account invalidate each other's. Retries of an account are serialised.
 */
export class NonceRetry {
  readonly #turns = new KeyedMutex();

  /** Runs `send`, which must be repeatable, and returns its result or throws its error. */
  async run<T>(did: Did, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      if (!wantsNonce(error)) throw error;
    }
    return await this.#turns.run(did, async () => {
      for (let retry = 1;; retry++) {
        try {
          return await send();
        } catch (error) {
          if (retry >= MAX_RETRIES || !wantsNonce(error)) throw error;
        }
      }
    });
  }
}

function wantsNonce(error: unknown): boolean {
  return error instanceof XrpcFailure && error.status === 401 &&
    error.error === "use_dpop_nonce";
}
