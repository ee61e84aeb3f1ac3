/**
 * Commands and secrets that people copy.
 *
 * @module
 */

import { CopyButton } from "../../../islands/copy_button.tsx";
import { Words } from "../../../islands/words.tsx";
import { Island } from "../frame/island.tsx";

/** A text with a button that copies it; `what` completes "Copy". */
export function CopyBox(
  { text, what, isSecret = false }: {
    text: string;
    what: string;
    isSecret?: boolean;
  },
) {
  const mark = isSecret ? { "data-secret": true } : {};
  return (
    <div class="pull" data-copied>
      <pre
        tabIndex={0}
        aria-label={what}
      ><code {...mark}>{isSecret ? text : <Words text={text} />}</code></pre>
      <Island name="copy_button" of={CopyButton} props={{ text, what }} />
    </div>
  );
}
