/**
 * Settings of webhooks.
 *
 * @module
 */

import { flag, list, origin } from "./kinds.ts";
import { section, setting } from "./setting.ts";

/** The section `webhooks`. */
export const webhookSettings = section(
  "Calls to servers that account owners choose, when something is pushed, " +
    "deleted or scanned.",
  {
    enabled: setting(flag(), {
      doc: "Whether owners can have webhooks.",
      default: true,
    }),
    allowed_origins: setting(list(origin()), {
      doc: "Receivers that may be in your own network or without https, as " +
        "http://ci.internal:8080. Everyone with an account may then have " +
        "requests sent there. All others must be public https servers.",
      default: [],
    }),
  },
);
