/**
 * The layout of the rows that can be made again.
 *
 * @module
 */

/**
 * Second part of the key of each derived row. Raise it when rows change their
 * meaning: the index is empty then until `index rebuild` has run, which also
 * removes the rows of other versions.
 */
export const INDEX_VERSION = 1;
