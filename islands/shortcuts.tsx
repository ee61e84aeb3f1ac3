/**
 * Single keys: `/` goes to search, `?` shows this list, arrows go from row to
 * row. They can be switched off, because speech input types letters.
 *
 * @module
 */
/// <reference lib="dom" />

import { useEffect, useRef, useState } from "preact/hooks";
import { keep } from "./preferences.ts";

/** Props of {@linkcode Shortcuts}. */
export interface ShortcutsProps {
  readonly isOn: boolean;
  /** Where the form leads back to without a script. */
  readonly returnTo: string;
}

const KEYS = [
  ["/", "Search"],
  ["↓ ↑ or j k", "Next and previous row of a list"],
  ["Enter", "Open the row"],
  ["Escape", "Close suggestions or this window"],
  ["?", "This list"],
] as const;

/** A button that shows the keys, and the switch for them. */
export function Shortcuts({ isOn, returnTo }: ShortcutsProps) {
  const [on, setOn] = useState(isOn);
  const dialog = useRef<HTMLDialogElement>(null);
  useKeys(on, () => dialog.current?.showModal());
  return (
    <span class="shortcuts">
      <button
        type="button"
        class="link-button"
        onClick={() => dialog.current?.showModal()}
      >
        Keyboard shortcuts
      </button>
      <dialog ref={dialog} aria-labelledby="shortcuts-title">
        <h2 id="shortcuts-title">Keyboard shortcuts</h2>
        <dl>
          {KEYS.map(([key, what]) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
        <form method="post" action="/preferences">
          <input type="hidden" name="return_to" value={returnTo} />
          <button
            type="submit"
            class="button"
            name="shortcuts"
            value={on ? "off" : "on"}
            onClick={(event) => {
              event.preventDefault();
              setOn(!on);
              void keep("shortcuts", on ? "off" : "on");
            }}
          >
            {on ? "Switch single keys off" : "Switch single keys on"}
          </button>
          <button
            type="button"
            class="button"
            onClick={() => dialog.current?.close()}
          >
            Close
          </button>
        </form>
      </dialog>
    </span>
  );
}

/** Listens to single keys while they are on. */
function useKeys(on: boolean, showList: () => void): void {
  useEffect(() => {
    if (!on) return;
    const press = (event: KeyboardEvent) => {
      if (isElsewhere(event)) return;
      if (event.key === "?") showList();
      else if (!act(event.key)) return;
      event.preventDefault();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [on]);
}

/** Whether the key is meant for a field, a dialog or the browser. */
function isElsewhere({ target, ctrlKey, metaKey, altKey }: KeyboardEvent) {
  if (ctrlKey || metaKey || altKey) return true;
  return target instanceof Element &&
    target.closest("input, select, textarea, dialog, [contenteditable]") !==
      null;
}

/** Does what the key stands for; false when it stands for nothing here. */
function act(key: string): boolean {
  if (key === "/") {
    const field = document.querySelector<HTMLInputElement>("[data-search]");
    field?.focus();
    field?.select();
    return field !== null;
  }
  if (key === "ArrowDown" || key === "j") return moveBy(1, key === "j");
  if (key === "ArrowUp" || key === "k") return moveBy(-1, key === "k");
  return false;
}

/** Goes to the next or previous row. Arrows scroll the page until a row has the focus. */
function moveBy(by: 1 | -1, mayBegin: boolean): boolean {
  const rows = [...document.querySelectorAll("[data-row]")].filter((row) =>
    row.getClientRects().length > 0
  );
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  if (at < 0 && !mayBegin) return false;
  const next = rows[at < 0 ? 0 : at + by];
  const link = next?.querySelector<HTMLElement>("a[href]");
  link?.focus();
  return link !== undefined && link !== null;
}
