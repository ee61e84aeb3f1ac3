/**
 * Digests and texts to copy.
 *
 * @module
 */

import { CopyButton } from "../../../islands/copy_button.tsx";
import { type Digest, digestParts } from "../../../lib/oci/digest.ts";
import { Island } from "../frame/island.tsx";

/** Digits of a short digest. */
const SHORT = 12;

/** The first digits of a digest; the whole one is its title. */
export function ShortDigest({ digest }: { digest: Digest }) {
  const { algorithm, hex } = digestParts(digest);
  return (
    <code class="digest" title={digest}>
      <i>{algorithm}:</i>
      {hex.slice(0, SHORT)}
    </code>
  );
}

/** A whole digest with a button that copies it. */
export function WholeDigest(
  { digest, what }: { digest: Digest; what: string },
) {
  const { algorithm, hex } = digestParts(digest);
  return (
    <span class="whole-digest" data-copied>
      <code class="digest whole">
        <i>{algorithm}:</i>
        {hex}
      </code>
      <Copy text={digest} what={what} />
    </span>
  );
}

/** A button that copies `text`. */
export function Copy({ text, what }: { text: string; what: string }) {
  return <Island name="copy_button" of={CopyButton} props={{ text, what }} />;
}
