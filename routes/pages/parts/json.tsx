/**
 * JSON as people read it: names, texts and numbers in colours, with links.
 *
 * @module
 */

import type { ComponentChild } from "preact";

/** Characters that get colours; the rest is plain. */
const MAX_COLOURED = 20_000;

/** A text in quotes, with the colon after it if it is a name; a number or a word. */
const TOKEN =
  /("(?:[^"\\\n]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;

/** The text of JSON; `hrefOf` returns where a text in it leads to. */
export function Json(
  { text, hrefOf }: {
    text: string;
    hrefOf: (value: string) => string | undefined;
  },
) {
  const shown: ComponentChild[] = [];
  const coloured = text.slice(0, MAX_COLOURED);
  let at = 0;
  for (const found of coloured.matchAll(TOKEN)) {
    const [token, quoted, colon] = found;
    shown.push(coloured.slice(at, found.index));
    shown.push(tokenOf(token, quoted, colon, hrefOf));
    at = found.index + token.length;
  }
  shown.push(text.slice(at));
  return <>{shown}</>;
}

function tokenOf(
  token: string,
  quoted: string | undefined,
  colon: string | undefined,
  hrefOf: (value: string) => string | undefined,
): ComponentChild {
  if (quoted === undefined) return <span class="hljs-number">{token}</span>;
  if (colon !== undefined) {
    return (
      <>
        <span class="hljs-attr">{quoted}</span>
        {colon}
      </>
    );
  }
  const href = hrefOf(quoted.slice(1, -1));
  return href === undefined ? <span class="hljs-string">{quoted}</span> : (
    <>
      "<a href={href}>{quoted.slice(1, -1)}</a>"
    </>
  );
}
