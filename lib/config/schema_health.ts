/**
 * Settings of the health of holds.
 *
 * @module
 */

import { seconds } from "./kinds.ts";
import { section, setting } from "./setting.ts";

/** The section `health`. */
export const healthSettings = section(
  "Whether holds can be reached, as pages show it.",
  {
    check_interval_seconds: setting(seconds(0, 604_800), {
      doc:
        "How often each known hold is asked; those that do not answer less " +
        "and less often, down to every six hours. 0: only when a page shows " +
        "the hold.",
      default: 900,
    }),
    cache_ttl_seconds: setting(seconds(1, 604_800), {
      doc: "A page that shows a hold has it asked again when the last answer " +
        "is older than this.",
      default: 900,
    }),
  },
);
