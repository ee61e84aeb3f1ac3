/**
 * Settings of the original ATCR's files that have another path here, and
 * settings of this program that were moved.
 *
 * @module
 */

/** A setting with another path in the YAML file; both are accepted. */
export interface Moved {
  readonly from: string;
  readonly to: string;
  /** Prefix of its environment variable; none where it had no variable. */
  readonly prefix?: "ATCR" | "HOLD";
  /** Whether it is a list of which only the first entry counts here. */
  readonly first?: boolean;
}

/** Paths of the original registry's file. */
const OF_REGISTRY: Readonly<Record<string, string>> = {
  "server.client_short_name": "pages.short_name",
  "jetstream.url": "index.jetstream_urls",
  "jetstream.urls": "index.jetstream_urls",
  "jetstream.backfill_enabled": "index.backfill",
  "jetstream.relay_endpoint": "index.relay_url",
  "jetstream.relay_endpoints": "index.relay_url",
  "health.check_interval": "health.check_interval_seconds",
  "health.cache_ttl": "health.cache_ttl_seconds",
};

/** Paths of the original hold's file. */
const OF_HOLD: Readonly<Record<string, string>> = {
  "server.public_url": "hold.public_url",
  "server.public": "hold.public",
  "server.successor": "hold.successor",
  "storage.access_key": "storage.s3.access_key_id",
  "storage.secret_key": "storage.s3.secret_access_key",
  "storage.region": "storage.s3.region",
  "storage.bucket": "storage.s3.bucket",
  "storage.endpoint": "storage.s3.endpoint",
  "storage.pull_zone": "storage.s3.cdn_host",
  "database.path": "data_dir",
  "database.did_method": "hold.did_method",
  "database.did": "hold.did",
  "database.plc_directory_url": "identity.plc_url",
  "registration.owner_did": "hold.owner",
  "registration.allow_all_crew": "hold.allow_all_crew",
  "registration.profile_avatar_url": "hold.profile_avatar_url",
  "registration.enable_bluesky_posts": "hold.enable_bluesky_posts",
  "registration.region": "hold.region",
  "gc.enabled": "hold.gc.enabled",
  "quota.tiers": "hold.quota.tiers",
  "quota.defaults.new_crew_tier": "hold.quota.default_tier",
};

/** Settings whose original is a list and ours is not. */
const FIRST = new Set(["jetstream.relay_endpoints"]);

/** Moved settings, by their other paths. */
export const MOVED: readonly Moved[] = [
  { from: "storage.s3.prefix", to: "storage.prefix" },
  ...moved("ATCR", OF_REGISTRY),
  ...moved("HOLD", OF_HOLD),
];

function moved(
  prefix: "ATCR" | "HOLD",
  paths: Readonly<Record<string, string>>,
): Moved[] {
  return Object.entries(paths).map(([from, to]) => ({
    from,
    to,
    prefix,
    first: FIRST.has(from),
  }));
}

/** The environment variable of a path of the original's files. */
export function variableOf(path: string, prefix = "ATCR"): string {
  return `${prefix}_${path.toUpperCase().replaceAll(".", "_")}`;
}
