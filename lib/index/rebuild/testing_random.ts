/**
 * Choices that look random, and are the same for one seed, for tests.
 *
 * @module
 */

/** Numbers that look random, and are the same for one seed. */
export function randomly(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A source of choices. */
export class Choices {
  /** The next number from 0 up to 1. */
  readonly next: () => number;

  constructor(seed: number) {
    this.next = randomly(seed);
  }

  /** An integer from 0 up to `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  of<T>(some: readonly T[]): T {
    const one = some[this.below(some.length)];
    if (one === undefined) throw new Error("nothing to choose from");
    return one;
  }
}
