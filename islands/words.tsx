/**
 * Commands on narrow screens.
 *
 * @module
 */

/** A command word by word: a line ends between words, and inside of one only where it is longer than a line. */
export function Words({ text }: { text: string }) {
  return (
    <>
      {text.split(/([ \n]+)/).map((part, i) =>
        /^[ \n]*$/.test(part) ? part : <span key={i}>{part}</span>
      )}
    </>
  );
}
