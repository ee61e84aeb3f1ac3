/**
 * Reading manifests without holding up other requests: small ones at once,
 * large ones on a thread of their own.
 *
 * @module
 */

import { sealedWorker } from "../async/sealed_worker.ts";
import { AppError } from "../errors.ts";
import type { Digest } from "./digest.ts";
import { type ParsedManifest, parseManifest } from "./manifest.ts";
import { namedDigests } from "./named_digests.ts";
import { type ReadOutcome, type ReadTask, trimmed } from "./manifest_task.ts";

/** Manifests of more bytes are read on the other thread. */
const ASIDE_BYTES = 128 * 1024;

/** Large manifests that may wait to be read; beyond that requests are refused. */
const MAX_WAITING = 64;

/** A manifest that takes longer is given up; milliseconds. */
const LIMIT_MS = 20_000;

/** The thread ends when it had nothing to do for so long, in milliseconds. */
const IDLE_MS = 1_000;

const WORKER = new URL("./manifest_worker.ts", import.meta.url);

/**
 * As {@linkcode parseManifest}. Of a large manifest, annotations that fit into
 * no row or record are left out ({@linkcode ParsedManifest.isTrimmed}).
 *
 * Throws what `parseManifest` throws, and AppError `UNAVAILABLE` while too many
 * large manifests wait.
 */
export async function readManifestAside(
  bytes: Uint8Array<ArrayBuffer>,
  contentType?: string,
): Promise<ParsedManifest> {
  if (bytes.length <= ASIDE_BYTES) return parseManifest(bytes, contentType);
  thread ??= ReadingThread.start();
  return thread
    ? await thread.manifest(bytes, contentType)
    : trimmed(parseManifest(bytes, contentType));
}

/** As {@linkcode namedDigests}. Throws AppError `UNAVAILABLE` while too many large manifests wait. */
export async function namedDigestsAside(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ReadonlySet<Digest>> {
  if (bytes.length <= ASIDE_BYTES) return namedDigests(bytes);
  thread ??= ReadingThread.start();
  return thread ? await thread.digests(bytes) : namedDigests(bytes);
}

let thread: ReadingThread | undefined;

/** A thread that lives as long as there is something to read. */
class ReadingThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<ReadOutcome>>();
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
    this.#worker.onmessage = (event) => this.#settle(event.data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#end(new Error(`The reading of a manifest broke: ${event.message}`));
    };
  }

  static start(): ReadingThread | undefined {
    const worker = sealedWorker(WORKER);
    return worker && new ReadingThread(worker);
  }

  async manifest(
    bytes: Uint8Array<ArrayBuffer>,
    contentType: string | undefined,
  ): Promise<ParsedManifest> {
    const outcome = await this.#read(bytes, { kind: "manifest", contentType });
    if ("manifest" in outcome) return outcome.manifest;
    throw new Error("The thread gave no manifest.");
  }

  async digests(bytes: Uint8Array<ArrayBuffer>): Promise<ReadonlySet<Digest>> {
    const outcome = await this.#read(bytes, { kind: "digests" });
    if ("digests" in outcome) return outcome.digests;
    throw new Error("The thread gave no digests.");
  }

  #read(
    bytes: Uint8Array<ArrayBuffer>,
    want: ReadTask["want"],
  ): Promise<ReadOutcome> {
    if (this.#waiting.size >= MAX_WAITING) throw busy();
    const id = ++this.#count;
    const waiting = Promise.withResolvers<ReadOutcome>();
    this.#waiting.set(id, waiting);
    const task: ReadTask = { id, bytes, want };
    this.#worker.postMessage(task);
    this.#restart(LIMIT_MS);
    return waiting.promise;
  }

  #settle(outcome: ReadOutcome): void {
    const waiting = this.#waiting.get(outcome.id);
    this.#waiting.delete(outcome.id);
    this.#restart(this.#waiting.size > 0 ? LIMIT_MS : IDLE_MS);
    if (!("refused" in outcome)) return waiting?.resolve(outcome);
    const { code, message, detail } = outcome.refused;
    waiting?.reject(new AppError(code, message, { detail }));
  }

  #restart(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(busy()), ms);
  }

  /** Ends the thread; what still waits fails, and the next manifest begins another one. */
  #end(error: Error): void {
    clearTimeout(this.#timer);
    this.#worker.terminate();
    if (thread === this) thread = undefined;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function busy(): AppError {
  return new AppError(
    "UNAVAILABLE",
    "Too many large manifests are being read at the moment. Try again.",
    { retryAfterSeconds: 5 },
  );
}
