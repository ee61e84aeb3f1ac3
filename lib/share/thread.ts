/**
 * The thread that draws share pictures. It starts with the first picture and
 * ends when none was wanted for a while, which gives its memory back.
 *
 * @module
 */

import { sealedWorker } from "../async/sealed_worker.ts";
import { AppError } from "../errors.ts";

/** A document to be drawn. */
export interface DrawTask {
  readonly id: number;
  readonly svg: string;
}

/** Result of a task. */
export type DrawOutcome =
  | { readonly id: number; readonly png: Uint8Array }
  | { readonly id: number; readonly failed: string };

const WORKER = new URL("./worker.ts", import.meta.url);

/** Pictures that may wait at once; further ones are refused. */
const MAX_WAITING = 12;
/** How long one picture may take, with the start of the thread, in milliseconds. */
const LIMIT_MS = 20_000;
/** How long the thread stays without work, in milliseconds. */
const IDLE_MS = 60_000;

/** Draws SVG documents as PNG pictures. */
export class DrawingThread {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, PromiseWithResolvers<Uint8Array>>();
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * Draws a document of this program. Throws AppError `UNAVAILABLE` when too
   * many wait or it takes too long.
   */
  async draw(svg: string): Promise<Uint8Array> {
    if (this.#waiting.size >= MAX_WAITING) throw busy();
    const worker = this.#worker ??= this.#start();
    if (worker === undefined) {
      // Where no thread can be started, other requests wait meanwhile.
      const here = await import("./draw.ts");
      return here.draw(svg);
    }
    const id = ++this.#count;
    const waiting = Promise.withResolvers<Uint8Array>();
    this.#waiting.set(id, waiting);
    const task: DrawTask = { id, svg };
    worker.postMessage(task);
    if (this.#waiting.size === 1) this.#restart(LIMIT_MS);
    return await waiting.promise;
  }

  /** Ends the thread; pictures that wait are refused. */
  close(): void {
    this.#end(busy());
  }

  #start(): Worker | undefined {
    const worker = sealedWorker(WORKER);
    if (worker === undefined) return undefined;
    worker.onmessage = (event: MessageEvent<DrawOutcome>) =>
      this.#settle(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`Drawing broke: ${event.message}`));
    };
    return worker;
  }

  #settle(outcome: DrawOutcome): void {
    const waiting = this.#waiting.get(outcome.id);
    this.#waiting.delete(outcome.id);
    this.#restart(this.#waiting.size > 0 ? LIMIT_MS : IDLE_MS);
    if ("png" in outcome) waiting?.resolve(outcome.png);
    else waiting?.reject(new Error(outcome.failed));
  }

  #restart(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(busy()), ms);
    // An idle thread must not keep the program from ending.
    Deno.unrefTimer(this.#timer);
  }

  #end(error: Error): void {
    clearTimeout(this.#timer);
    this.#worker?.terminate();
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function busy(): AppError {
  return new AppError(
    "UNAVAILABLE",
    "Too many pictures are being drawn at the moment; try again.",
    { retryAfterSeconds: 5 },
  );
}
