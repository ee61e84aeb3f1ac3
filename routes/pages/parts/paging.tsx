/**
 * Links between the pages of a list.
 *
 * @module
 */

/** The links; nothing where the list is on one page. */
export function Paging(
  { cursor, isLater, urlOf, first = "First page", more }: {
    /** Of the next page; undefined on the last one. */
    cursor: string | undefined;
    /** Whether this is not the first page. */
    isLater: boolean;
    /** Address of a page, the first one without a cursor. */
    urlOf: (cursor?: string) => string;
    first?: string;
    /** Text of the link to the next page. */
    more: string;
  },
) {
  if (cursor === undefined && !isLater) return null;
  return (
    <nav class="row paging" aria-label="Pages">
      {isLater && <a class="button" href={urlOf()}>{first}</a>}
      {cursor !== undefined && (
        <a class="button" rel="next" href={urlOf(cursor)}>{more}</a>
      )}
    </nav>
  );
}
