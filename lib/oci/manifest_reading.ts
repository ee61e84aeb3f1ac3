/**
 * Parses manifests without blocking other requests: small ones directly, large
 * ones in a worker thread.
 *
 * @module
 */

import { sealedWorker } from "../async/sealed_worker.ts";
import { AppError } from "../errors.ts";
import type { Digest } from "./digest.ts";
import { type ParsedManifest, parseManifest } from "./manifest.ts";
import { namedDigests } from "./named_digests.ts";
import { type ReadOutcome, type ReadTask, trimmed } from "./manifest_task.ts";

/** Larger manifests are parsed in the worker, in bytes. */
const ASIDE_BYTES = 128 * 1024;

/** Maximum queue of large manifests; further requests are refused. */
const MAX_WAITING = 64;

/** Time limit for a manifest in milliseconds. */
const LIMIT_MS = 20_000;

/** The worker ends after this idle time, in milliseconds. */
const IDLE_MS = 1_000;

const WORKER = new URL("./manifest_worker.ts", import.meta.url);

/**
 * Like {@linkcode parseManifest}. Annotations of a large manifest that fit into
 * no row or record are omitted ({@linkcode ParsedManifest.isTrimmed}).
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

/**
 * Like {@linkcode namedDigests}. Throws AppError `UNAVAILABLE` while too many
 * large manifests wait.
 */
export async function namedDigestsAside(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<ReadonlySet<Digest>> {
  if (bytes.length <= ASIDE_BYTES) return namedDigests(bytes);
  thread ??= ReadingThread.start();
  return thread ? await thread.digests(bytes) : namedDigests(bytes);
}

let thread: ReadingThread | undefined;

/** A worker thread that lives as long as there is something to parse. */
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

  /** Ends the worker; queued manifests fail, and the next manifest starts another one. */
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
