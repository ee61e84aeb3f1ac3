/**
 * Settings of the avatar service.
 *
 * @module
 */

import {
  anyText,
  bytes,
  host,
  integer,
  list,
  nsid,
  webSocket,
} from "./kinds.ts";
import { bucketSettings } from "./schema_storage.ts";
import { section, setting } from "./setting.ts";

/** The section `avatar`. */
export const avatarSettings = section("Avatars of AT Protocol identities.", {
  public_host: setting(host(), {
    doc: "Host under which the stored pictures are public.",
    otherwise: "the bucket's own, or server.base_url",
  }),
  profile_collections: setting(list(nsid()), {
    doc: "Profile records that may hold an avatar, the best one first.",
    default: [
      "app.bsky.actor.profile",
      "sh.tangled.actor.profile",
      "so.sprk.actor.profile",
    ],
  }),
  profile_ttl_seconds: setting(integer(0, 604_800), {
    doc: "How long an avatar is cached.",
    default: 60,
  }),
  stale_ttl_seconds: setting(integer(0, 31_536_000), {
    doc: "Age up to which a stale avatar is used while its PDS is unreachable.",
    default: 604_800,
  }),
  negative_ttl_seconds: setting(integer(0, 86_400), {
    doc: "How long a missing avatar is cached.",
    default: 60,
  }),
  old_variant_hours: setting(integer(1, 8760), {
    doc: "How long pictures of replaced avatars are kept.",
    default: 24,
  }),
  allowed_sizes: setting(list(integer(1, 4096)), {
    doc: "The only widths and heights that are made, in pixels.",
    otherwise: "every size up to avatar.max_side",
  }),
  max_side: setting(integer(16, 4096), {
    doc: "Largest width and height, in pixels.",
    default: 2000,
  }),
  max_source_bytes: setting(bytes(), {
    doc: "Larger pictures are not read.",
    default: 8_388_608,
  }),
  workers: setting(integer(1, 32), {
    doc: "Pictures rendered concurrently.",
    default: 2,
  }),
  queue_limit: setting(integer(1, 10_000), {
    doc: "Pictures that may wait to be rendered; beyond that 503.",
    default: 256,
  }),
  queue_seconds: setting(integer(1, 120), {
    doc: "How long a picture may wait to be rendered; then 503.",
    default: 10,
  }),
  signing_keys: setting(list(anyText()), {
    doc: "Keys that sign requests for sizes beyond allowed_sizes; several " +
      "while one replaces another.",
    default: [],
    secret: true,
  }),
  client_limit_per_minute: setting(integer(0, 1_000_000), {
    doc: "New sizes and names that one client address may ask for in a " +
      "minute, or at once; beyond that 429. What was asked for before is " +
      "not counted. 0: no limit.",
    default: 300,
  }),
  client_sizes_per_day: setting(integer(0, 1_000_000), {
    doc: "Sizes other than the common ones that one client address may have " +
      "made in a day; beyond that the nearest one that exists is answered. " +
      "0: no limit.",
    default: 1_000,
  }),
  max_picture_bytes: setting(bytes(), {
    doc: "Bytes of the sizes that are kept of one picture; common sizes are " +
      "kept in any case.",
    default: 16_777_216,
  }),
  max_stored_bytes: setting(bytes(), {
    doc: "Bytes of all pictures and sizes that are kept; beyond that those " +
      "used least are removed.",
    default: 10_000_000_000,
  }),
  jetstream_url: setting(webSocket(), {
    doc: "A Jetstream server that reports changed profiles, handles and " +
      "accounts as it happens.",
    otherwise: "changes are seen when avatar.profile_ttl_seconds are over",
  }),
  fallback_hosts: setting(list(host()), {
    doc: "Hosts to which fallback=https://… may redirect.",
    default: [],
  }),
  s3: section(
    "A bucket for avatars alone.",
    bucketSettings("as in storage.s3"),
  ),
});
