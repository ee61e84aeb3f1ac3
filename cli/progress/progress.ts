/**
 * Progress of long commands: how much is done, how fast, and how long the rest
 * takes.
 *
 * @module
 */

/** Where progress is written to. */
export interface ProgressOutput {
  write(text: string): void;
  /** Whether a line can be written over. */
  readonly isTerminal: boolean;
}

/** Time between two lines on a terminal, and elsewhere, in milliseconds. */
const REDRAW_MS = 100;
const LINE_MS = 5_000;

const CLEAR = "\r\x1b[K";

/** Work that is counted. */
interface Step {
  readonly what: string;
  readonly total: number | undefined;
  readonly startedAt: number;
  /** What was done before, in an earlier run. */
  first: number | undefined;
  writtenAt: number;
}

/**
 * Writes progress: one line that is written over on a terminal, else a line
 * every five seconds; nothing without an output.
 */
export class Progress {
  readonly #output: ProgressOutput | undefined;
  readonly #now: () => number;
  #step: Step | undefined;
  #isShown = false;

  /** `now` returns milliseconds. */
  constructor(
    output: ProgressOutput | undefined,
    now: () => number = () => performance.now(),
  ) {
    this.#output = output;
    this.#now = now;
  }

  /** Whether anything is written; counting for a total is useless otherwise. */
  get isOn(): boolean {
    return this.#output !== undefined;
  }

  /** Begins to count `what`, a word in the plural; `total` may be unknown. */
  begin(what: string, total?: number): void {
    this.clear();
    const now = this.#now();
    // The first line comes after the time of one.
    this.#step = {
      ...{ what, total, startedAt: now },
      ...{ first: undefined, writtenAt: now },
    };
  }

  /** Says that `done` of the current step are done. */
  at(done: number): void {
    const step = this.#step;
    const output = this.#output;
    if (!step || !output) return;
    step.first ??= Math.max(0, done - 1);
    const now = this.#now();
    const { isTerminal } = output;
    if (now - step.writtenAt < (isTerminal ? REDRAW_MS : LINE_MS)) return;
    step.writtenAt = now;
    const text = lineOf(step, done, now);
    output.write(isTerminal ? `${CLEAR}${text}` : `${text}\n`);
    this.#isShown = isTerminal;
  }

  /** Removes the line from a terminal, before something else is printed. */
  clear(): void {
    if (!this.#isShown) return;
    this.#output?.write(CLEAR);
    this.#isShown = false;
  }
}

function lineOf(step: Step, done: number, now: number): string {
  const { what, total, startedAt, first = 0 } = step;
  const seconds = (now - startedAt) / 1000;
  const rate = seconds > 0 ? (done - first) / seconds : 0;
  const parts = [`${done.toLocaleString("en")} ${what}`];
  const isKnown = total !== undefined && total >= done;
  if (isKnown) {
    parts[0] = `${done.toLocaleString("en")} of ${
      total.toLocaleString("en")
    } ${what}`;
  }
  parts.push(`${rate.toLocaleString("en", { maximumSignificantDigits: 3 })}/s`);
  if (isKnown && rate > 0) {
    parts.push(`${durationOf((total - done) / rate)} left`);
  }
  return parts.join(", ");
}

/** A time in words, rounded up. */
function durationOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.ceil(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
