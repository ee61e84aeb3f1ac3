/**
 * Chooses between light, dark and the theme of the system.
 *
 * @module
 */
/// <reference lib="dom" />

import { useState } from "preact/hooks";
import { keep } from "./preferences.ts";

const THEMES = [
  ["system", "System"],
  ["light", "Light"],
  ["dark", "Dark"],
] as const;

/** A form with a button for each theme; with a script the page changes at once. */
export function ThemeSwitch(
  { theme, returnTo }: { theme: string; returnTo: string },
) {
  const [chosen, choose] = useState(theme);
  return (
    <form class="themes" method="post" action="/preferences">
      <input type="hidden" name="return_to" value={returnTo} />
      <fieldset>
        <legend>Theme</legend>
        {THEMES.map(([value, label]) => (
          <button
            key={value}
            type="submit"
            name="theme"
            value={value}
            aria-pressed={value === chosen}
            onClick={(event) => {
              event.preventDefault();
              choose(value);
              document.documentElement.dataset.theme = value;
              void keep("theme", value);
            }}
          >
            {label}
          </button>
        ))}
      </fieldset>
    </form>
  );
}
