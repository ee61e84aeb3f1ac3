/**
 * Who writes into which upload in this process. A part that is sent again while
 * its first sending still hangs on a dead connection takes over, and completing
 * an upload first stops whoever still writes: otherwise a late chunk could land
 * in bytes that are already acknowledged.
 *
 * @module
 */

import { AppError } from "../../errors.ts";

interface Writer {
  readonly stop: AbortController;
  readonly done: Promise<unknown>;
}

/** Keeps the writers of every upload apart. */
export class PartWriters {
  readonly #writers = new Map<string, Map<number, Writer>>();
  readonly #closing = new Map<string, Promise<unknown>>();

  /**
   * Runs `work` as the only writer of this part. An earlier writer of the same
   * part is stopped and waited for; it rejects with AppError
   * `BLOB_UPLOAD_INVALID`.
   */
  async write<T>(
    id: string,
    partNumber: number,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    await this.#settled(id);
    const writers = this.#writers.get(id) ?? new Map<number, Writer>();
    this.#writers.set(id, writers);
    const stop = new AbortController();
    const signals = signal ? [signal, stop.signal] : [stop.signal];
    const done = stopWriter(writers.get(partNumber), "the part was sent again")
      .then(() => work(AbortSignal.any(signals)));
    const writer = { stop, done };
    writers.set(partNumber, writer);
    try {
      return await done;
    } finally {
      if (writers.get(partNumber) === writer) writers.delete(partNumber);
      if (writers.size === 0) this.#writers.delete(id);
    }
  }

  /** Stops every writer of the upload, then runs `work` while none can begin. */
  async close<T>(id: string, work: () => Promise<T>): Promise<T> {
    await this.#settled(id);
    const writers = [...this.#writers.get(id)?.values() ?? []];
    const stopped = writers.map((writer) =>
      stopWriter(writer, "the upload was ended")
    );
    const done = Promise.all(stopped).then(work);
    this.#closing.set(id, done);
    try {
      return await done;
    } finally {
      this.#closing.delete(id);
    }
  }

  /** Waits while the upload is being closed by somebody else. */
  async #settled(id: string): Promise<void> {
    for (let other; (other = this.#closing.get(id)) !== undefined;) {
      // Its own caller is told how it ended.
      await other.catch(() => {});
    }
  }
}

async function stopWriter(
  writer: Writer | undefined,
  why: string,
): Promise<void> {
  if (writer === undefined) return;
  writer.stop.abort(
    new AppError("BLOB_UPLOAD_INVALID", `The writing was stopped: ${why}.`),
  );
  // Its own caller is told how it ended.
  await writer.done.catch(() => {});
}
