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
        /^[ \n]*$/.test(part) ? part : (
          <span key={i}>
            <Parts text={part} />
          </span>
        )
      )}
    </>
  );
}

/** A word that ends a line after its slashes where it does not fit. */
export function Parts({ text }: { text: string }) {
  const parts = text.split(/(?<=\/)(?!\/)(?=.)/);
  if (parts.length === 1) return <>{text}</>;
  return <>{parts.map((part, i) => <span key={i}>{part}</span>)}</>;
}
