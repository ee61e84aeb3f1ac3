/**
 * Settings of the index.
 *
 * @module
 */

import { flag, flagOrAuto, integer, list, origin, webSocket } from "./kinds.ts";
import { section, setting } from "./setting.ts";

/** Servers that anyone may use; any of them will do. */
export const PUBLIC_JETSTREAMS = [
  "wss://jetstream2.us-east.bsky.network/subscribe",
  "wss://jetstream1.us-east.bsky.network/subscribe",
  "wss://jetstream2.us-west.bsky.network/subscribe",
  "wss://jetstream1.us-west.bsky.network/subscribe",
];

/** A relay that anyone may ask. */
export const PUBLIC_RELAY = "https://relay1.us-east.bsky.network";

/** The section `index`. */
export const indexSettings = section(
  "What the registry knows of the whole network, for pages and search.",
  {
    follow: setting(flagOrAuto(), {
      doc: "Whether the network is followed. auto: in the sandbox, with a " +
        "public address, and where servers are given.",
      default: "auto",
    }),
    jetstream_urls: setting(list(webSocket()), {
      doc: "Jetstream servers to follow the network by, the best one first; " +
        "the next one is used when one fails.",
      otherwise: "those of Bluesky; in the sandbox its own",
    }),
    relay_url: setting(origin(), {
      doc: "Relay that knows which accounts have records of registries, for " +
        "what was never heard of.",
      otherwise: "one of Bluesky; in the sandbox its own",
    }),
    backfill: setting(flag(), {
      doc: "Whether accounts that were never heard of are looked up at the " +
        "relay. Without it they become known by their next event or request.",
      default: true,
    }),
    max_records_per_account: setting(integer(100, 10_000_000), {
      doc: "Records of one account that are followed; further ones are " +
        "ignored.",
      default: 50_000,
    }),
  },
);
