/**
 * Settings of the pages.
 *
 * @module
 */

import { imageName, list } from "../kinds.ts";
import { section, setting } from "../setting.ts";

/** The section `pages`. */
export const pageSettings = section("What pages show.", {
  featured: setting(list(imageName()), {
    doc: "Repositories that the start page shows first, each as " +
      "owner/repository. Those that a visitor may not see are left out.",
    default: [],
  }),
});
