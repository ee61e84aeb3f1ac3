/**
 * A button that copies a text and says so.
 *
 * @module
 */
/// <reference lib="dom" />

import { useEffect, useState } from "preact/hooks";

/** What the button copies. */
export interface CopyButtonProps {
  readonly text: string;
  /** What it is, for the name of the button: "the digest". */
  readonly what: string;
}

/** How long the button says what it did, in milliseconds. */
const SHOWN_MS = 2_000;

/** The button. Hidden where scripts do not run. */
export function CopyButton({ text, what }: CopyButtonProps) {
  const [said, say] = useState("");
  useEffect(() => {
    if (said === "") return;
    const timer = setTimeout(() => say(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <span class="copy">
      <button
        type="button"
        class="icon-button"
        aria-label={`Copy ${what}`}
        title={`Copy ${what}`}
        onClick={async (event) => {
          say(await copied(text, event.currentTarget) ? "Copied" : "Selected");
        }}
      >
        <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
          {said === ""
            ? (
              <path d="M5 1h8a2 2 0 0 1 2 2v8h-2V3H5zM3 5h6a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H3a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z" />
            )
            : <path d="M13.6 3.4 15 4.8 6.4 13.4 1.6 8.6 3 7.2l3.4 3.4z" />}
        </svg>
      </button>
      <span class="said" role="status">{said}</span>
    </span>
  );
}

/** Copies; where the browser does not allow it, selects the text beside the button. */
async function copied(text: string, button: Element): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const beside = button.closest("[data-copied]")?.querySelector("code");
    if (beside) getSelection()?.selectAllChildren(beside);
    return false;
  }
}
