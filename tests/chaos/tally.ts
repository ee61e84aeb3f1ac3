/**
 * Counts of a run's checks, and all failures.
 *
 * @module
 */

/** Wrong checks that are kept word by word; the rest is only counted. */
const KEPT = 100;

/** Counts checks and outcomes of one run. */
export class Tally {
  readonly #history: (line: string) => void;
  readonly #counts = new Map<string, number>();
  readonly #wrong: string[] = [];
  #wrongCount = 0;

  /** @param history takes a line for each thing that happens. */
  constructor(history: (line: string) => void = () => {}) {
    this.#history = history;
  }

  /** Writes what happens into the history of the run. */
  note(what: string): void {
    this.#history(`${new Date().toISOString()} ${what}`);
  }

  /** Counts one thing that happened. */
  count(what: string): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** One check; `words` describe what is wrong when `isRight` is false. */
  check(what: string, isRight: boolean, words: () => string): void {
    this.count(`checked ${what}`);
    if (isRight) return;
    this.#wrongCount++;
    const line = `${new Date().toISOString()} ${what}: ${words()}`;
    this.#history(`WRONG ${line}`);
    if (this.#wrong.length < KEPT) this.#wrong.push(line);
    Deno.stderr.writeSync(new TextEncoder().encode(`WRONG ${line}\n`));
  }

  /** Number of checks that failed. */
  get wrongCount(): number {
    return this.#wrongCount;
  }

  /** Number of all checks. */
  get checks(): number {
    let sum = 0;
    for (const [what, count] of this.#counts) {
      if (what.startsWith("checked ")) sum += count;
    }
    return sum;
  }

  /** Counts in the order of their names, then the wrong checks. */
  report(): string {
    const counts = [...this.#counts].sort(([a], [b]) => a < b ? -1 : 1)
      .map(([what, count]) => `${String(count).padStart(8)}  ${what}`);
    return [...counts, ...this.#wrong.map((line) => `WRONG ${line}`)]
      .join("\n");
  }
}
