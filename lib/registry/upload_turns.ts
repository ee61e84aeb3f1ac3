/**
 * Lets one request at a time work on an upload. One whose client has fallen
 * silent gives way to the next: it is often the same client, which has lost its
 * connection and tries again.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";

/** A client that sends nothing for this time gives way, in milliseconds. */
const GIVES_WAY_AFTER_MS = 3_000;

/** When a client that has to wait should try again, in seconds. */
const RETRY_AFTER_S = 2;

/** A request at work. */
interface Turn {
  body: WatchedBody | undefined;
  readonly ended: Promise<void>;
}

/** The requests at work on uploads, in this process. */
export class UploadTurns {
  readonly #clock: Clock;
  readonly #turns = new Map<string, Turn>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Runs `work` with the body to read in place of `body`. Throws AppError
   * `BUSY`, which clients retry, while another request works on the upload, here
   * or at another instance.
   */
  async run<T>(
    id: string,
    body: ReadableStream<Uint8Array> | undefined,
    work: (body: ReadableStream<Uint8Array> | undefined) => Promise<T>,
  ): Promise<T> {
    const before = this.#turns.get(id);
    // Without an await between, so that no other request comes in between.
    if (before) await this.#outwait(id, before);
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    const watched = body && new WatchedBody(body, this.#clock);
    const turn: Turn = { body: watched, ended };
    this.#turns.set(id, turn);
    try {
      return await work(watched?.stream);
    } catch (error) {
      if (!isAppError(error, "CONFLICT")) throw error;
      throw busy(error);
    } finally {
      this.#turns.delete(id);
      watched?.release();
      end();
    }
  }

  /** Waits until a silent request has given way. Throws AppError `BUSY`. */
  async #outwait(id: string, turn: Turn): Promise<void> {
    if (!turn.body?.stopIfSilent(GIVES_WAY_AFTER_MS)) throw busy();
    await turn.ended;
    // Another one may have waited for it as well.
    if (this.#turns.has(id)) throw busy();
  }
}

/** Passes a body on, and can end it while its client sends nothing. */
class WatchedBody {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #clock: Clock;
  #waitingSince: number | undefined;
  #stop: (error: AppError) => void = () => {};
  readonly stream: ReadableStream<Uint8Array>;

  constructor(body: ReadableStream<Uint8Array>, clock: Clock) {
    this.#reader = body.getReader();
    this.#clock = clock;
    this.stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#stop = (error) => controller.error(error);
      },
      pull: (controller) => this.#pull(controller),
      cancel: (reason) => this.#reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  /** Ends the body if its client has been silent for `ms`; returns whether it was. */
  stopIfSilent(ms: number): boolean {
    const since = this.#waitingSince;
    if (since === undefined || this.#clock.now() - since < ms) return false;
    const error = silent();
    this.#stop(error);
    // The server closes the connection; there is nobody to report errors to.
    this.#reader.cancel(error).catch(() => undefined);
    return true;
  }

  /** Releases the request's body; the server drains unread bytes. */
  release(): void {
    this.#reader.releaseLock();
  }

  async #pull(
    controller: ReadableStreamDefaultController<Uint8Array>,
  ): Promise<void> {
    this.#waitingSince = this.#clock.now();
    const { done, value } = await this.#reader.read().finally(() => {
      this.#waitingSince = undefined;
    });
    if (done) controller.close();
    else controller.enqueue(value);
  }
}

function busy(cause?: unknown): AppError {
  return new AppError(
    "BUSY",
    "Another request is working on this upload. Try again in a moment, where the upload stands then.",
    { retryAfterSeconds: RETRY_AFTER_S, cause },
  );
}

function silent(): AppError {
  return new AppError(
    "BLOB_UPLOAD_INVALID",
    "The client sent nothing for some seconds, and another request continues this upload; nothing of this request was kept.",
  );
}
