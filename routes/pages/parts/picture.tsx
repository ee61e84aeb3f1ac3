/**
 * Pictures of accounts.
 *
 * @module
 */

/** A small picture beside a name; nothing where none are served. */
export function Picture(
  { src, size = 28 }: { src: string | undefined; size?: 24 | 28 | 40 },
) {
  return src === undefined ? null : (
    <img
      class="picture"
      src={src}
      alt=""
      width={size}
      height={size}
      loading="lazy"
      decoding="async"
    />
  );
}
