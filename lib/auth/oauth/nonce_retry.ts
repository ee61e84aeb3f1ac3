/**
 * Requests whose DPoP nonce was used up by another request at the same time
 * (RFC 9449, section 9).
 *
 * @module
 */

import { KeyedMutex } from "../../async/keyed_mutex.ts";
import { XrpcFailure } from "../../atproto/pds/xrpc.ts";
import type { Did } from "../../did.ts";

/** Tries of one request after the first. */
const MAX_RETRIES = 5;

/**
 * Sends requests again that a server refuses for their nonce. The client does
 * so once by itself; where a nonce counts once and several requests of an
 * account are under way, they take it from each other. Retries of an account
 * wait for one another.
 */
export class NonceRetry {
  readonly #turns = new KeyedMutex();

  /** The result of `send`, which must be able to send again. Throws what it throws. */
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
