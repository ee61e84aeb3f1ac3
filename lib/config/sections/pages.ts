/**
 * Settings of the pages.
 *
 * @module
 */

import { choice, imageName, list } from "../kinds.ts";
import { section, setting } from "../setting.ts";
import { colour, pictureFile, shortText } from "./page_kinds.ts";

/** The section `pages`. */
export const pageSettings = section("What pages show.", {
  featured: setting(list(imageName()), {
    doc: "Repositories that the start page shows first, each as " +
      "owner/repository. Those that a visitor may not see are left out.",
    default: [],
  }),
  short_name: setting(shortText(40), {
    doc: "How pages call this server, in their heads and titles and in share " +
      "pictures; search fields of browsers show the first 16 characters.",
    otherwise: "server.client_name",
  }),
  logo: setting(pictureFile(), {
    doc: "The operator's logo in place of the program's, best a square: the " +
      "path of a PNG, WebP or SVG file of at most 100 KiB, or the https " +
      "address of a picture, which the avatar service fetches and keeps (such " +
      "a logo is not in share pictures). Browsers load it from this server.",
    otherwise: "the one of the program",
  }),
  accent: setting(colour(), {
    doc: "Colour of highlights. Refused where its contrast on light pages is " +
      "below 4.5 to 1; visitors who ask for more contrast get a darker one.",
    otherwise: "the one of the program",
  }),
  accent_dark: setting(colour(), {
    doc: "The same on dark pages.",
    otherwise: "pages.accent, as much lighter as the contrast needs",
  }),
  theme: setting(choice("system", "light", "dark"), {
    doc: "What visitors see who have chosen nothing; system follows theirs.",
    default: "system",
  }),
});
