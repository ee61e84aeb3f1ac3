/**
 * Schema of all settings: the source of validation, types, environment variable
 * names, the commented YAML and the tables of the documentation.
 *
 * @module
 */

import { z } from "zod";
import { MAX_MANIFEST_BYTES } from "../oci/manifest.ts";
import { avatarSettings } from "./schema_avatar.ts";
import { backupSettings } from "./schema_backup.ts";
import { healthSettings } from "./schema_health.ts";
import { holdSettings } from "./schema_hold.ts";
import {
  anyText,
  choice,
  flag,
  flagOrAuto,
  integer,
  key32,
  kvLocation,
  list,
  origin,
  port,
} from "./kinds.ts";
import { indexSettings } from "./schema_index.ts";
import { legalSettings } from "./schema_legal.ts";
import { pageSettings } from "./sections/pages.ts";
import { serverSettings } from "./schema_server.ts";
import { logShipperSettings } from "./schema_log_shipper.ts";
import { section, setting } from "./setting.ts";
import { storageSettings } from "./schema_storage.ts";
import { webhookSettings } from "./schema_webhooks.ts";

const sandboxSettings = section(
  "A private AT Protocol network with the accounts alice.test and bob.test, " +
    "for trying out and for development.",
  {
    enabled: setting(flagOrAuto(), {
      doc: "auto: on when the registry runs and everything is reached over " +
        "the loopback address. Refused with a public address.",
      default: "auto",
    }),
    start: setting(flag(), {
      doc: "Whether this process starts the network, or uses the one that " +
        "another process runs at these ports: for several instances on one " +
        "machine.",
      default: true,
    }),
    pds_port: setting(port(), {
      doc: "Port of the PDS on 127.0.0.1.",
      default: 2583,
    }),
    plc_port: setting(port(), {
      doc: "Port of the PLC directory on 127.0.0.1.",
      default: 2582,
    }),
  },
);

const identitySettings = section("Handles and DIDs.", {
  plc_url: setting(origin(), {
    doc: "The directory of did:plc identities.",
    default: "https://plc.directory",
  }),
  plain_origins: setting(list(origin()), {
    doc: "Further servers that are reached without https in test mode, " +
      "for example the PDS of a test network.",
    default: [],
  }),
  cache_ttl_seconds: setting(integer(0, 604_800), {
    doc: "How long an identity is cached.",
    default: 3600,
  }),
  stale_ttl_seconds: setting(integer(0, 31_536_000), {
    doc: "Age up to which an identity is used while the servers that know it " +
      "do not answer.",
    default: 604_800,
  }),
  negative_ttl_seconds: setting(integer(0, 86_400), {
    doc: "How long an unknown identity is cached.",
    default: 60,
  }),
});

const registrySettings = section("The OCI registry.", {
  delivery: setting(choice("auto", "redirect", "proxy"), {
    doc: "How layers reach clients: by a redirect to the storage or through " +
      "this server. auto redirects where the storage can sign addresses.",
    default: "auto",
  }),
  direct_blob_bytes: setting(integer(0, 16_777_216), {
    doc: "Blobs up to this size are never redirected.",
    default: 65_536,
  }),
  max_manifest_bytes: setting(integer(1024, MAX_MANIFEST_BYTES), {
    doc: "Larger manifests are refused.",
    default: MAX_MANIFEST_BYTES,
  }),
  catalog: setting(flag(), {
    doc:
      "Whether /v2/_catalog lists what the token may read (scope registry:catalog:* for all).",
    default: true,
  }),
  tag_recheck_seconds: setting(integer(1, 604_800), {
    doc:
      "A tag is compared with its owner's repo in the background of a pull " +
      "when the last comparison is older than this, since other services " +
      "may have moved it. Lists of owners with up to 1,000 tags are read " +
      "again after the same time, larger ones after up to ten times as long. " +
      "Also how often a PDS is asked whether an account is still shown.",
    default: 60,
  }),
  profile_recheck_seconds: setting(integer(0, 86_400), {
    doc: "How long the hold that an owner has chosen in another app is not " +
      "looked up again at the PDS. With index.follow a change counts at once.",
    default: 10,
  }),
  upload_ttl_hours: setting(integer(1, 720), {
    doc: "An upload without progress for this time is dropped.",
    default: 24,
  }),
  token_ttl_seconds: setting(integer(60, 86_400), {
    doc: "Lifetime of a registry token.",
    default: 900,
  }),
  allow_account_passwords: setting(flag(), {
    doc: "Whether docker login takes the password of the account itself, " +
      "which allows everything at its PDS. App passwords are always taken.",
    default: false,
  }),
  allow_missing_blobs: setting(flag(), {
    doc: "Whether image manifests may name layers that were not pushed " +
      "(sparse images). Indexes may always name missing manifests.",
    default: false,
  }),
  cached_manifests_mb: setting(integer(16, 65_536), {
    doc: "MiB in the key-value store for manifests that were pushed " +
      "elsewhere; those read longest ago are removed and read again when " +
      "requested.",
    default: 256,
  }),
  delete_in_use: setting(flag(), {
    doc: "Whether blobs that manifests name, and manifests that a tagged " +
      "index needs, may be deleted; otherwise the answer is 405.",
    default: false,
  }),
  notify_holds: setting(flag(), {
    doc: "Whether holds are notified of pushed manifests, for statistics, " +
      "quotas and posts.",
    default: true,
  }),
});

const oauthSettings = section("Signing in on the web.", {
  allow_transition_scope: setting(flag(), {
    doc: "Whether to ask for transition:generic, which allows everything but " +
      "direct messages, where a PDS does not know the fine scopes.",
    otherwise: "as server.test_mode",
  }),
});

/** The schema of the whole configuration. */
export const settingsSchema = section("", {
  log_level: setting(choice("debug", "info", "warn", "error"), {
    doc: "What is logged: this level and above.",
    default: "info",
  }),
  data_dir: setting(anyText(), {
    doc: "Folder of the key-value store, of the blobs with the filesystem " +
      "driver and of keys made on first start.",
    otherwise: "./data",
  }),
  secret_key: setting(key32(), {
    doc: "Encrypts keys and sessions in the key-value store and signs " +
      "tokens. Losing it signs everyone out and loses the hold's key.",
    otherwise: "made on first start and kept in data_dir, on a laptop or " +
      "where data_dir is set and has the key-value store; required elsewhere",
    secret: true,
  }),
  kv: section("The key-value store.", {
    url: setting(kvLocation(), {
      doc: "A path, the postgres:// address of a database, for several " +
        "instances, or the https:// address of a remote Deno KV (its access " +
        "token goes into DENO_KV_ACCESS_TOKEN).",
      otherwise: "kv.sqlite3 in data_dir; on Deno Deploy the platform's",
      secret: true,
    }),
    access_token: setting(anyText(), {
      doc: "Access token of a remote Deno KV, where the variable " +
        "DENO_KV_ACCESS_TOKEN cannot be set (Deno Deploy).",
      otherwise: "that of DENO_KV_ACCESS_TOKEN",
      secret: true,
    }),
    pool_size: setting(integer(1, 100), {
      doc: "Connections of each instance to PostgreSQL; each is a process of " +
        "the database server.",
      default: 8,
    }),
  }),
  server: serverSettings,
  oauth: oauthSettings,
  sandbox: sandboxSettings,
  identity: identitySettings,
  registry: registrySettings,
  index: indexSettings,
  hold: holdSettings,
  storage: storageSettings,
  backup: backupSettings,
  avatar: avatarSettings,
  health: healthSettings,
  log_shipper: logShipperSettings,
  webhooks: webhookSettings,
  legal: legalSettings,
  pages: pageSettings,
  metrics: section("Prometheus metrics at /metrics.", {
    token: setting(anyText(), {
      doc: "Clients of /metrics must send it as a bearer token.",
      otherwise: "metrics are open to everybody",
      secret: true,
    }),
  }),
});

/** Validated settings, before derived values are filled in. */
export type Settings = z.output<typeof settingsSchema>;
