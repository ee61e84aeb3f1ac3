/**
 * A watch of the index for tests that do not look at it.
 *
 * @module
 */

import type { IndexWatch } from "./watch.ts";

/** Notes nothing. */
export const UNWATCHED: IndexWatch = {
  ignored: () => {},
  rowsRead: () => {},
};
