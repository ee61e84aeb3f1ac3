/**
 * Runs the same work for many items with bounded concurrency.
 *
 * @module
 */

/**
 * Runs `work` for each of `items`, at most `max` at the same time, and returns
 * the results in the order of `items`. Rejects with the first error; no further
 * work starts after it.
 */
export async function inParallel<T, R>(
  items: Iterable<T>,
  max: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const all = [...items];
  const rest = all.entries();
  let failed = false;
  const lane = async () => {
    for (const [i, item] of rest) {
      if (failed) return;
      try {
        results[i] = await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(max, all.length) }, lane));
  return results;
}
