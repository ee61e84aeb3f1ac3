/**
 * Records of the network: their addresses, to copy and to open.
 *
 * @module
 */

import { Copy } from "./digest.tsx";

/** Address of a record, or of an account, in a record browser. */
export function recordBrowserUrl(atUri: string): string {
  return `https://pdsls.dev/${atUri}`;
}

/** Copies the AT-URI of a record, or opens it in a record browser. */
export function RecordLink({ uri, what }: { uri: string; what: string }) {
  return (
    <span class="record" data-copied>
      <a href={recordBrowserUrl(uri)} rel="noopener">Open the record</a>
      <code class="hidden">{uri}</code>
      <Copy text={uri} what={what} />
    </span>
  );
}
