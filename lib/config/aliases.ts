/**
 * Environment variables of the original ATCR: aliases of settings here, and
 * names without effect.
 *
 * @module
 */

/** Another name for a setting. */
export interface Alias {
  readonly name: string;
  /** Path of the setting. */
  readonly path: string;
  /** Whether its value is the opposite of the setting's. */
  readonly inverted?: boolean;
}

/** All aliases of settings; the setting's own ATCR_ name takes precedence. */
export const ALIASES: readonly Alias[] = [
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
  { name: "HOLD_PROFILE_AVATAR", path: "hold.profile_avatar_url" },
  { name: "HOLD_DATABASE_DIR", path: "data_dir" },
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

/** A setting that was moved in the YAML file; the old path is still accepted. */
export interface Moved {
  readonly from: string;
  readonly to: string;
}

/** Moved settings, by their old paths in the YAML file. */
export const MOVED: readonly Moved[] = [
  { from: "storage.s3.prefix", to: "storage.prefix" },
];

/** A name that is accepted without effect, so that old environments still work. */
export interface Retired {
  readonly name: string;
  /** Why it has no effect; a clause. */
  readonly reason: string;
}

const NO_DATABASE = "everything is kept in the key-value store of kv.url";
const NO_KEY_FILE = "registry tokens are signed with secret_key";
const NO_ACCOUNT = "nothing is written in the name of the operator";

/** Names of the original ATCR without effect here. */
export const RETIRED: readonly Retired[] = [
  { name: "ATCR_AUTH_KEY_PATH", reason: NO_KEY_FILE },
  { name: "ATCR_AUTH_CERT_PATH", reason: NO_KEY_FILE },
  { name: "ATCR_UI_DATABASE_PATH", reason: NO_DATABASE },
  { name: "ATCR_DEBUG_ADDR", reason: "there is no second listener" },
  { name: "ATCR_SERVICE_NAME", reason: "tokens are made for server.base_url" },
  {
    name: "HOLD_KEY_PATH",
    reason: "the hold's key is made on first start and kept encrypted",
  },
  {
    name: "HOLD_LAYER_RECORDS_ENABLED",
    reason: "layer records are always written",
  },
  { name: "HOLD_AUTO_REGISTER", reason: NO_ACCOUNT },
  { name: "ATPROTO_HANDLE", reason: NO_ACCOUNT },
  { name: "ATPROTO_DID", reason: NO_ACCOUNT },
  { name: "ATPROTO_ACCESS_TOKEN", reason: NO_ACCOUNT },
];
