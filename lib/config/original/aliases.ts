/**
 * Environment variables of the original ATCR and of platforms that are other
 * names of settings here.
 *
 * @module
 */

import { MOVED, variableOf } from "./moved.ts";

/** Another name for a setting. */
export interface Alias {
  readonly name: string;
  /** Path of the setting. */
  readonly path: string;
  /** Whether its value is the opposite of the setting's. */
  readonly inverted?: boolean;
}

const NAMED: readonly Alias[] = [
  { name: "ATCR_HTTP_ADDR", path: "server.addr" },
  { name: "HOLD_SERVER_ADDR", path: "server.addr" },
  { name: "LISTEN_ADDR", path: "server.addr" },
  { name: "ATCR_BASE_URL", path: "server.base_url" },
  { name: "ATCR_DEFAULT_HOLD_DID", path: "server.default_hold_did" },
  { name: "ATCR_DEFAULT_HOLD", path: "server.default_hold_did" },
  { name: "TEST_MODE", path: "server.test_mode" },
  { name: "ATCR_SANDBOX", path: "sandbox.enabled" },
  { name: "ATCR_NOTIFY_HOLDS_ENABLED", path: "registry.notify_holds" },
  { name: "ATCR_TOKEN_EXPIRATION", path: "registry.token_ttl_seconds" },
  { name: "HOLD_PUBLIC_URL", path: "hold.public_url" },
  { name: "HOLD_PUBLIC", path: "hold.public" },
  { name: "HOLD_OWNER", path: "hold.owner" },
  { name: "HOLD_ALLOW_ALL_CREW", path: "hold.allow_all_crew" },
  { name: "HOLD_BLUESKY_POSTS_ENABLED", path: "hold.enable_bluesky_posts" },
  { name: "HOLD_LAYER_RECORDS_ENABLED", path: "hold.layer_records" },
  { name: "HOLD_LOG_LEVEL", path: "log_level" },
  ...["backend", "url", "batch_size", "flush_interval", "username", "password"]
    .map((name) => ({
      name: `HOLD_LOG_SHIPPER_${name.toUpperCase()}`,
      path: `log_shipper.${name}`,
    })),
  { name: "HOLD_SERVER_TEST_MODE", path: "server.test_mode" },
  { name: "JETSTREAM_URL", path: "index.jetstream_urls" },
  { name: "ATCR_RELAY_ENDPOINT", path: "index.relay_url" },
  { name: "HOLD_PROFILE_AVATAR", path: "hold.profile_avatar_url" },
  { name: "HOLD_DATABASE_DIR", path: "data_dir" },
  // Platforms that provide PostgreSQL set it.
  { name: "DATABASE_URL", path: "kv.url" },
  {
    name: "DISABLE_PRESIGNED_URLS",
    path: "hold.presigned_urls",
    inverted: true,
  },
  { name: "STORAGE_DRIVER", path: "storage.driver" },
  { name: "STORAGE_ROOT_DIR", path: "storage.root_dir" },
  { name: "ATCR_STORAGE_S3_PREFIX", path: "storage.prefix" },
  { name: "S3_BUCKET", path: "storage.s3.bucket" },
  { name: "S3_ENDPOINT", path: "storage.s3.endpoint" },
  { name: "AWS_ENDPOINT_URL_S3", path: "storage.s3.endpoint" },
  { name: "AWS_REGION", path: "storage.s3.region" },
  { name: "AWS_ACCESS_KEY_ID", path: "storage.s3.access_key_id" },
  { name: "AWS_SECRET_ACCESS_KEY", path: "storage.s3.secret_access_key" },
  { name: "AWS_SESSION_TOKEN", path: "storage.s3.session_token" },
  { name: "BUCKET_NAME", path: "avatar.s3.bucket" },
  { name: "BUCKET_PUBLIC_HOST", path: "avatar.public_host" },
];

/** All aliases of settings; the setting's own ATCR_ name takes precedence. */
export const ALIASES: readonly Alias[] = [
  ...NAMED,
  ...MOVED.flatMap(({ from, to, prefix }) =>
    prefix === undefined ? [] : [{ name: variableOf(from, prefix), path: to }]
  ),
];
