/**
 * The operator's look as pages have it: the style sheet with the accent colour,
 * and the logo under an address of this server.
 *
 * @module
 */

import type { AppContext } from "../lib/context.ts";
import { accentStyle } from "../lib/branding/accent.ts";
import { readStyleSheet } from "../lib/install/style_sheet.ts";
import { remotePicturePath } from "./avatar/remote_pictures.ts";
import type { Site } from "./pages/frame/frame.ts";
import type { MadeFile } from "./static.ts";

/** The look of pages, and the files that it needs. */
interface Look {
  readonly site: Pick<
    Site,
    "brand" | "logo" | "defaultTheme" | "styleSheet"
  >;
  /** To be served below `/static/`. */
  readonly files: readonly MadeFile[];
}

/** The look of this server; `root` is the folder of the program. */
export function lookOf(
  { branding, config, pictures }: Pick<
    AppContext,
    "branding" | "config" | "pictures"
  >,
  root: URL,
): Look {
  const { name, logo, accents } = branding;
  const style = readStyleSheet(root, accents && accentStyle(accents));
  const files: MadeFile[] = style ? [style] : [];
  let shown: Site["logo"];
  if (typeof logo === "string") {
    const signed = pictures?.remote.nameOf(logo);
    shown = signed === undefined
      ? undefined
      : { path: remotePicturePath(signed) };
  } else if (logo) {
    files.push(logo);
    shown = { path: logo.path, ...logo.size };
  }
  return {
    site: {
      brand: name,
      logo: shown,
      defaultTheme: config.pages.theme,
      styleSheet: style?.path,
    },
    files,
  };
}
