/**
 * Sends one body to one receiver and returns the result.
 *
 * @module
 */

import { createHmac } from "node:crypto";
import { joinBytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { isAppError } from "../errors.ts";
import type { GuardedFetch } from "../net/guarded_fetch.ts";
import { printable } from "../text.ts";
import type { Attempt } from "./delivery.ts";
import type { Trigger, WebhookTarget } from "./webhook.ts";

/** A request to send. */
export interface Sending {
  /** The same for every attempt, so that receivers can detect repetitions. */
  readonly id: string;
  readonly trigger: Trigger;
  readonly body: string;
}

/** Result of one attempt. */
export interface Outcome {
  readonly attempt: Attempt;
  readonly delivered: boolean;
  /** The receiver is permanently gone (410). */
  readonly gone: boolean;
  /** Retry-After of the receiver, in seconds; at most an hour. */
  readonly retryAfterSeconds: number | undefined;
}

/** Timeout of a receiver, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** Bytes of the response that are stored. */
const RESPONSE_BYTES = 1_024;

/** Maximum Retry-After of a receiver, in seconds. */
const MAX_RETRY_AFTER = 3_600;

/** Posts to receivers. */
export class WebhookSender {
  readonly #fetch: GuardedFetch;
  readonly #clock: Clock;

  /** @param fetch refuses receivers in our own network. */
  constructor(fetch: GuardedFetch, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /**
   * Sends once. Redirects are not followed: like every status outside of 200 to
   * 299, they are failures. Throws only the reason of `signal`.
   */
  async send(
    { url, secret }: WebhookTarget,
    { id, trigger, body }: Sending,
    signal?: AbortSignal,
  ): Promise<Outcome> {
    const at = this.#clock.now();
    const took = () => Math.max(0, this.#clock.now() - at);
    try {
      const response = await this.#fetch(url, {
        method: "POST",
        redirect: "manual",
        timeoutMs: TIMEOUT_MS,
        maxBytes: Infinity,
        headers: {
          "content-type": "application/json",
          "x-webhook-delivery": id,
          "x-webhook-event": trigger,
          ...(secret === undefined
            ? {}
            : { "x-webhook-signature-256": signatureOf(secret, body) }),
        },
        body,
        ...(signal ? { signal } : {}),
      });
      const { status } = response;
      const text = await beginningOf(response);
      const delivered = response.ok;
      return {
        delivered,
        gone: status === 410,
        retryAfterSeconds: retryAfter(response),
        attempt: {
          at,
          ms: took(),
          status,
          ...(text === "" ? {} : { response: text }),
          ...(delivered ? {} : { error: `The receiver answered ${status}.` }),
        },
      };
    } catch (error) {
      signal?.throwIfAborted();
      if (!isAppError(error)) throw error;
      return {
        delivered: false,
        gone: false,
        retryAfterSeconds: undefined,
        attempt: { at, ms: took(), error: error.message },
      };
    }
  }
}

/** The header with which receivers authenticate a body: HMAC-SHA256 in hex, in GitHub's format. */
function signatureOf(secret: string, body: string): string {
  const hmac = createHmac("sha256", secret).update(body, "utf8");
  return `sha256=${hmac.digest("hex")}`;
}

/** The status is valid even if the body fails. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    while (size < RESPONSE_BYTES) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value.slice(0, RESPONSE_BYTES - size));
      size += value.length;
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
  } finally {
    await reader.cancel().catch(() => {});
  }
  return printable(new TextDecoder().decode(joinBytes(chunks)));
}

function retryAfter({ headers }: Response): number | undefined {
  const text = headers.get("retry-after") ?? "";
  return /^\d{1,9}$/.test(text)
    ? Math.min(Number(text), MAX_RETRY_AFTER)
    : undefined;
}
