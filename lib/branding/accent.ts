/**
 * The accent colour of an operator: whether it can be seen on light and on dark
 * pages, and the rules of the style sheet that it becomes.
 *
 * @module
 */

import { type Colour, inkOn, lowestContrast, withContrast } from "./colour.ts";

/** The two looks of a page. */
type Scheme = "light" | "dark";

/** The accent colour on light and on dark pages. */
export type Accents = Readonly<Record<Scheme, Colour>>;

/** What accents stand on: `--paper`, `--surface` and `--sunken` of static/style/tokens.css. */
const BACKGROUNDS: Readonly<Record<Scheme, readonly Colour[]>> = {
  light: ["#f7f7f4", "#ffffff", "#efefea"],
  dark: ["#10151b", "#171e26", "#0c1116"],
};

/** Where visitors ask for more contrast. */
const STARK: Readonly<Record<Scheme, readonly Colour[]>> = {
  light: ["#ffffff"],
  dark: ["#000000"],
};

const TOWARD: Readonly<Record<Scheme, Colour>> = {
  light: "#000000",
  dark: "#ffffff",
};

/** Contrast of text (WCAG 2.2, criterion 1.4.3). */
const MIN_CONTRAST = 4.5;

/** Contrast of text for those who ask for more (criterion 1.4.6). */
const MORE_CONTRAST = 7;

/** A sentence without its subject about an accent that cannot be seen well; undefined where it can. */
export function accentProblem(
  colour: Colour,
  scheme: Scheme,
): string | undefined {
  const ratio = lowestContrast(colour, BACKGROUNDS[scheme]);
  if (ratio >= MIN_CONTRAST) return undefined;
  // Rounded down, so that 4.49 is not called 4.5.
  const shown = (Math.floor(ratio * 10) / 10).toFixed(1);
  return `${colour} has a contrast of ${shown} to 1 on ${scheme} pages, ` +
    `where ${MIN_CONTRAST} to 1 are needed; ${seen(colour, scheme)} has that`;
}

/** The accents of an operator. A colour for dark pages that is not given is the other one, as much lighter as it must be. */
export function accentsOf(light: Colour, dark?: Colour): Accents {
  return { light, dark: dark ?? seen(light, "dark") };
}

/** Rules to be added to the style sheet of pages; in its layer `tokens`, they win over those before. */
export function accentStyle({ light, dark }: Accents): string {
  const stark = {
    light: seen(light, "light", STARK, MORE_CONTRAST),
    dark: seen(dark, "dark", STARK, MORE_CONTRAST),
  };
  return `@layer tokens {
:root {${properties({ light, dark })}}
@media (prefers-contrast: more) {
:root {${properties(stark)}}
}
}`;
}

function properties({ light, dark }: Accents): string {
  return `--accent: light-dark(${light}, ${dark}); ` +
    `--accent-ink: light-dark(${inkOn(light)}, ${inkOn(dark)});`;
}

function seen(
  colour: Colour,
  scheme: Scheme,
  backgrounds = BACKGROUNDS,
  ratio = MIN_CONTRAST,
): Colour {
  return withContrast(colour, {
    backgrounds: backgrounds[scheme],
    ratio,
    toward: TOWARD[scheme],
  });
}
