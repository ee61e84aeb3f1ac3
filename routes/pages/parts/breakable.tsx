/**
 * Long names without spaces.
 *
 * @module
 */

/** The text, with places where a line may end after its punctuation. */
export function Breakable({ text }: { text: string }) {
  const parts = text.split(/(?<=[./+:_-])/);
  return (
    <>
      {parts.flatMap((part, i) => i === 0 ? [part] : [<wbr key={i} />, part])}
    </>
  );
}
