/**
 * Buffers log lines: a system call per line would cost more than handling many
 * requests.
 *
 * @module
 */

/** Output for lines; writes synchronously, so that none is lost at exit. */
export interface LineSink {
  writeSync(bytes: Uint8Array): number;
}

/** Maximum delay of a line, in milliseconds. */
const MAX_WAIT_MS = 50;

/** Buffered characters after which lines are written immediately. */
const MAX_PENDING = 16 * 1024;

/** Buffers lines and writes them soon. */
export class LineWriter {
  readonly #sink: LineSink;
  readonly #encoder = new TextEncoder();
  #pending: string[] = [];
  #length = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(sink: LineSink) {
    this.#sink = sink;
  }

  /** Adds one line, without line terminator. */
  write(line: string): void {
    this.#pending.push(line);
    this.#length += line.length;
    if (this.#length >= MAX_PENDING) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), MAX_WAIT_MS);
  }

  /** Writes buffered lines. Call it before the process exits. */
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
