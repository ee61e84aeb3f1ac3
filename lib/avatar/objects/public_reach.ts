/**
 * Whether the public can read the objects of the store at their public URLs. A
 * bucket without a policy, or a wrong host in front of it, would turn every
 * picture into an error page of another server, so this server asks itself, as
 * a client would.
 *
 * @module
 */

import { SingleFlight } from "../../async/single_flight.ts";
import { withinTime } from "../../async/within_time.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { AppError, operatorMessage } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type { BlobStore } from "../../storage/blob_store.ts";
import { OBJECT_ROOT } from "../picture_keys.ts";

/** What was found. */
export interface Reach {
  /** `unknown`: the public URL cannot be tried from here. */
  readonly state: "open" | "closed" | "unknown";
  /** For the operator: what was found, and what to do. */
  readonly sentence: string;
}

export interface PublicReachDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<BlobStore, "put">;
  /** Sends no credentials, and may reach the origin of `url`. */
  readonly fetch: GuardedFetch;
  /** Public URL of the object at a key. */
  readonly url: (key: string) => string;
  /** Identity of the store, as in its rows. */
  readonly storeId: string;
}

/** How long a result is believed while there are requests, in milliseconds. */
const BELIEVED_MS = 60_000;
/** Timeout of a request, in milliseconds. */
const TIMEOUT_MS = 5_000;
/** How long the first request waits for the first result, in milliseconds. */
const FIRST_MS = 3_000;
const MAX_BYTES = 4_096;
/** Below the keys of pictures, which a policy may be limited to. */
const PROBE_KEY = `${OBJECT_ROOT}/readable.txt`;

/** Asks and remembers. */
export class PublicReach {
  readonly #deps: PublicReachDeps;
  readonly #flights = new SingleFlight();
  #last: Reach | undefined;
  #askedAt = -Infinity;

  constructor(deps: PublicReachDeps) {
    this.#deps = deps;
  }

  /** Whether clients may be redirected to the store; true until something else is known. */
  get isOpen(): boolean {
    return this.#last?.state !== "closed";
  }

  /**
   * Asks again when the last result is older than a minute: the first time the
   * caller waits up to three seconds, later not at all. Never rejects.
   */
  async refresh(): Promise<void> {
    const { clock } = this.#deps;
    if (isWithin(this.#askedAt, BELIEVED_MS, clock.now())) return;
    const asked = this.ask().then(() => undefined, () => undefined);
    if (this.#last === undefined) await withinTime(clock, FIRST_MS, asked);
  }

  /** Asks now. Rejects with AppError `UNAVAILABLE` when the store cannot be written. */
  async ask(): Promise<Reach> {
    return await this.#flights.run("ask", undefined, async () => {
      const { clock, log } = this.#deps;
      this.#askedAt = clock.now();
      const before = this.#last?.state ?? "open";
      const found = await this.#ask();
      // A public URL that cannot be tried now is what it was before.
      const isNew = found.state !== "unknown" || before !== "closed";
      if (isNew) this.#last = found;
      const { state, sentence: reason } = found;
      if (state === before) return found;
      if (state === "closed") log.error("pictures are not public", { reason });
      if (state === "unknown") log.warn("public URL not tried", { reason });
      if (state === "open") log.info("pictures are public", { reason });
      return found;
    });
  }

  async #ask(): Promise<Reach> {
    const { store, fetch, url, storeId } = this.#deps;
    const text = `Written to find out whether the public can read ${storeId}\n`;
    await store.put(PROBE_KEY, new TextEncoder().encode(text), {
      contentType: "text/plain; charset=utf-8",
      cacheControl: "no-cache, max-age=0",
    });
    const target = url(PROBE_KEY);
    const { origin } = new URL(target);
    let status: number;
    let read: string;
    try {
      const response = await fetch(target, {
        headers: { "cache-control": "no-cache" },
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_BYTES,
      });
      status = response.status;
      read = await response.text();
    } catch (error) {
      if (error instanceof AppError && error.code === "TOO_LARGE") {
        return closed(origin, "answers with something else");
      }
      return {
        state: "unknown",
        sentence:
          `Clients are redirected to ${origin}, which cannot be reached from ` +
          `here: ${
            operatorMessage(error)
          } If clients cannot reach it either, ` +
          "correct avatar.public_host (BUCKET_PUBLIC_HOST) or " +
          "avatar.s3.public_endpoint.",
      };
    }
    if (status === 200 && read === text) {
      return { state: "open", sentence: `The public can read ${origin}.` };
    }
    if (status === 401 || status === 403) {
      return {
        state: "closed",
        sentence:
          `The public may not read the pictures (${target} answers ${status}), ` +
          "so this server serves them itself. Let everyone read avatars/*, by " +
          "the bucket policy in docs/avatars.md or the settings of the " +
          "provider; this is noticed within a minute.",
      };
    }
    // A busy store, or one that is away for a moment.
    if (status >= 500 || status === 429) {
      return {
        state: "unknown",
        sentence: `${origin}, to which clients are redirected, answers ` +
          `${status}; try again later.`,
      };
    }
    return closed(
      target,
      status === 200 ? "answers with something else" : `answers ${status}`,
    );
  }
}

function closed(place: string, what: string): Reach {
  return {
    state: "closed",
    sentence:
      `An object was written to the bucket, and ${place} ${what}, so this ` +
      "server serves the pictures itself. Correct avatar.public_host " +
      "(BUCKET_PUBLIC_HOST), avatar.s3.public_endpoint or " +
      "avatar.s3.force_path_style, so that they lead to the bucket.",
  };
}
