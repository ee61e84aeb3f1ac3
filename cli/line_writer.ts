/**
 * Writes log lines in bunches: a system call for each would cost more than
 * many a request.
 *
 * @module
 */

/** Where lines go; a synchronous write, so that none is lost at the end. */
export interface LineSink {
  writeSync(bytes: Uint8Array): number;
}

/** Lines wait at most so long, in milliseconds. */
const MAX_WAIT_MS = 50;

/** Characters that are written at once at the latest. */
const MAX_PENDING = 16 * 1024;

/** Collects lines and writes them soon. */
export class LineWriter {
  readonly #sink: LineSink;
  readonly #encoder = new TextEncoder();
  #pending: string[] = [];
  #length = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** Takes one line without its end. */
  write(line: string): void {
    this.#pending.push(line);
    this.#length += line.length;
    if (this.#length >= MAX_PENDING) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), MAX_WAIT_MS);
  }

  /** Writes what waits. Call it before the process ends. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#pending.length === 0) return;
    const bytes = this.#encoder.encode(`${this.#pending.join("\n")}\n`);
    this.#pending = [];
    this.#length = 0;
    for (let at = 0; at < bytes.length;) {
      at += this.#sink.writeSync(bytes.subarray(at));
    }
  }
}
