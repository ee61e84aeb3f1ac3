/**
 * The part of a collection that was read page by page, so that records that are
 * known here and not in it count as deleted. Other services may write between
 * two pages: what is missing has to be looked up before it is removed.
 *
 * @module
 */

/** Keys of records in one part of a collection. */
export class SeenRecords {
  readonly #keys = new Set<string>();
  /** The key before the part; undefined at the start of the collection, or where it is not known. */
  readonly #from: string | undefined;
  readonly #isFirst: boolean;
  /** 1 for ascending keys, -1 for descending ones, 0 if unknown, undefined if neither. */
  #order: 1 | 0 | -1 | undefined;
  #first: string | undefined;
  #last: string | undefined;
  #isEnd = false;

  private constructor(
    isFirst: boolean,
    from: string | undefined,
    order: 1 | 0 | -1 | undefined,
  ) {
    this.#isFirst = isFirst;
    this.#from = from;
    this.#last = from;
    this.#order = order;
  }

  /** Nothing yet, at the start of a collection, or in its middle. */
  static begin(isFirst: boolean): SeenRecords {
    return new SeenRecords(isFirst, undefined, 0);
  }

  /** Nothing yet, in the part that follows this one. */
  next(): SeenRecords {
    return new SeenRecords(false, this.#last, this.#order);
  }

  /** Number of keys. */
  get size(): number {
    return this.#keys.size;
  }

  /** Adds the keys of a page. */
  add(rkeys: readonly string[]): void {
    for (const rkey of rkeys) {
      if (this.#last !== undefined) {
        const step = compare(rkey, this.#last);
        if (this.#order === 0) this.#order = step;
        else if (step !== this.#order) this.#order = undefined;
      }
      this.#first ??= rkey;
      this.#last = rkey;
      this.#keys.add(rkey);
    }
  }

  /** The collection ends here. */
  end(): void {
    this.#isEnd = true;
  }

  /** Whether a record with this key would have been read, and was not. */
  lacks(rkey: string): boolean {
    return !this.#keys.has(rkey) && this.#covers(rkey);
  }

  #covers(rkey: string): boolean {
    if (this.#isFirst && this.#isEnd) return true;
    const start = this.#from ?? this.#first;
    if (!this.#order || start === undefined || this.#last === undefined) {
      return false;
    }
    const isAfter = this.#isFirst || compare(rkey, start) === this.#order;
    const isBefore = this.#isEnd || compare(this.#last, rkey) === this.#order;
    return isAfter && isBefore;
  }
}

/** Record keys are ASCII: most PDSes list them in the order of their bytes. */
function compare(a: string, b: string): 1 | 0 | -1 {
  return a < b ? -1 : a > b ? 1 : 0;
}
