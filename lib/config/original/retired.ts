/**
 * Options of the original ATCR without meaning here: environment variables,
 * paths of its files, and whole sections.
 *
 * @module
 */

/** A name that is accepted without effect, so that old files still work. */
export interface Retired {
  readonly name: string;
  /** Why it has no effect; a clause. */
  readonly reason: string;
}

const NO_DATABASE = "everything is kept in the key-value store of kv.url";
const NO_KEY_FILE = "registry tokens are signed with secret_key";
const NO_ACCOUNT = "nothing is written in the name of the operator";
const KEY_IN_STORE =
  "the key is made on first start and kept encrypted in the key-value store";
const NO_PAYMENT = "nothing is sold";
const NO_SCANNER = "scanners are other programs, which sign in at the hold";

/** Environment variables of the original without effect here. */
export const RETIRED: readonly Retired[] = [
  { name: "ATCR_DEBUG_ADDR", reason: "there is no second listener" },
  { name: "ATCR_SERVICE_NAME", reason: "tokens are made for server.base_url" },
  { name: "ATCR_OAUTH_KEY_PATH", reason: KEY_IN_STORE },
  { name: "ATCR_UI_ENABLED", reason: "a registry always serves its pages" },
  {
    name: "ATCR_BACKFILL_INTERVAL",
    reason: "accounts are listed when events were missed, and once a week",
  },
  { name: "HOLD_KEY_PATH", reason: KEY_IN_STORE },
  { name: "HOLD_AUTO_REGISTER", reason: NO_ACCOUNT },
  { name: "ATPROTO_HANDLE", reason: NO_ACCOUNT },
  { name: "ATPROTO_DID", reason: NO_ACCOUNT },
  { name: "ATPROTO_ACCESS_TOKEN", reason: NO_ACCOUNT },
];

/** Paths of the original's files without effect here; what is below them has none either. */
export const RETIRED_PATHS: readonly Retired[] = [
  { name: "version", reason: "the file has no versions" },
  { name: "server.oauth_key_path", reason: KEY_IN_STORE },
  {
    name: "server.branding",
    reason: "pages.short_name, pages.logo and pages.accent set it",
  },
  {
    name: "server.managed_holds",
    reason: "holds name the registries they trust in hold.trusted_registries",
  },
  { name: "ui.database_path", reason: NO_DATABASE },
  { name: "ui.libsql_sync_url", reason: NO_DATABASE },
  { name: "ui.libsql_auth_token", reason: NO_DATABASE },
  { name: "ui.libsql_sync_interval", reason: NO_DATABASE },
  { name: "ui.libsql", reason: NO_DATABASE },
  {
    name: "ui.theme",
    reason: "pages.theme, pages.accent and pages.logo set the look",
  },
  { name: "auth.key_path", reason: NO_KEY_FILE },
  { name: "auth.cert_path", reason: NO_KEY_FILE },
  {
    name: "jetstream.backfill_interval",
    reason: "accounts are listed when events were missed, and once a week",
  },
  {
    name: "credential_helper.tangled_repo",
    reason: "the helper is downloaded from this server (/install)",
  },
  { name: "ai", reason: "images are not described by a model" },
  { name: "labeler", reason: "labels of a labeler are not read" },
  { name: "billing", reason: NO_PAYMENT },
  { name: "database.key_path", reason: KEY_IN_STORE },
  { name: "database.rotation_key_path", reason: KEY_IN_STORE },
  { name: "database.libsql_sync_url", reason: NO_DATABASE },
  { name: "database.libsql_auth_token", reason: NO_DATABASE },
  { name: "database.libsql_sync_interval", reason: NO_DATABASE },
  { name: "admin", reason: "the owner administers with the hold commands" },
  { name: "scanner", reason: NO_SCANNER },
];

/** Sections of the original that are none of ours: what else is in them is reported, not refused. */
export const ORIGINAL_SECTIONS: readonly string[] = [
  "ui",
  "auth",
  "jetstream",
  "credential_helper",
  "ai",
  "labeler",
  "billing",
  "database",
  "registration",
  "admin",
  "gc",
  "quota",
  "scanner",
];
