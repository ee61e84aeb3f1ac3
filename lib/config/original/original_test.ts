import assert from "node:assert/strict";
import { ConfigError } from "../config_error.ts";
import { MOVED, variableOf } from "./moved.ts";
import { KEY, load, PUBLIC } from "../testing_config.ts";

Deno.test("settings of the original registry's file act under their former names", () => {
  const config = load(
    { ATCR_SECRET_KEY: KEY },
    `
server:
  base_url: https://registry.example.com
  client_name: Example
jetstream:
  urls: [wss://one.example.com/subscribe, wss://two.example.com/subscribe]
  backfill_enabled: false
  relay_endpoints: [https://relay.example.com, https://other.example.com]
health:
  check_interval: 20m
  cache_ttl: 1h30m0s
log_shipper:
  backend: loki
  url: http://loki:3100
  flush_interval: 7s
`,
  );
  assert.equal(config.server.client_name, "Example");
  assert.deepEqual(config.index.jetstream_urls, [
    "wss://one.example.com/subscribe",
    "wss://two.example.com/subscribe",
  ]);
  assert.equal(config.index.backfill, false);
  assert.equal(config.index.relay_url, "https://relay.example.com");
  assert.equal(config.health.check_interval_seconds, 1200);
  assert.equal(config.health.cache_ttl_seconds, 5400);
  assert.equal(config.log_shipper.flush_interval, 7);
  assert.deepEqual(
    config.origin.notices.filter((notice) => /no meaning/.test(notice)),
    [],
  );
});

Deno.test("settings of the original hold's file act under their former names", () => {
  const config = load(
    { ATCR_SECRET_KEY: KEY },
    `
server: {addr: ":8080", public_url: https://hold.example.com, public: true}
storage: {access_key: a, secret_key: b, region: de-fra1, bucket: blobs,
  endpoint: https://s3.example.com, pull_zone: https://cdn.example.com}
database: {path: /var/lib/atcr-hold, did_method: plc}
registration: {owner_did: "did:plc:ewvi7nxzyoun6zhxrhs64oiz", allow_all_crew: true,
  enable_bluesky_posts: true, region: Frankfurt}
gc: {enabled: true}
quota: {tiers: {deckhand: {quota: 5GB}}, defaults: {new_crew_tier: deckhand}}
admin: {enabled: true}
`,
  );
  assert.deepEqual(config.server.roles, ["hold"]);
  assert.equal(config.hold.public_url, "https://hold.example.com");
  assert.equal(config.hold.public, true);
  assert.equal(config.data_dir, "/var/lib/atcr-hold");
  assert.equal(config.hold.did_method, "plc");
  assert.equal(config.hold.owner, "did:plc:ewvi7nxzyoun6zhxrhs64oiz");
  assert.equal(config.hold.allow_all_crew, true);
  assert.equal(config.hold.gc.enabled, true);
  assert.equal(config.hold.quota.default_tier, "deckhand");
  assert.equal(config.storage.s3.access_key_id, "a");
  assert.equal(config.storage.s3.cdn_host, "cdn.example.com");
  assert.match(config.origin.notices.join("\n"), /^admin has no meaning/m);
});

Deno.test("an option without meaning is reported once, with the reason", () => {
  const yaml = `
server: {oauth_key_path: /var/lib/atcr/oauth/client.key}
ui: {database_path: /var/lib/atcr/ui.db, libsql_sync_url: "", unheard_of: 1}
auth: {key_path: /a.pem, cert_path: /a.crt}
credential_helper: {tangled_repo: https://tangled.org/a/b}
billing: {stripe: {key: x}, tiers: []}
`;
  const { origin } = load({}, yaml);
  const about = (name: string) =>
    origin.notices.filter((notice) => notice.startsWith(`${name} has no`));
  for (
    const name of [
      ...["server.oauth_key_path", "ui.database_path", "ui.unheard_of"],
      ...["auth.key_path", "auth.cert_path", "billing"],
      "credential_helper.tangled_repo",
    ]
  ) {
    assert.equal(about(name).length, 1, name);
    assert.match(about(name)[0] ?? "", /has no meaning here: \w+/);
  }
  assert.deepEqual(about("ui.libsql_sync_url"), [], "an empty value is none");
});

Deno.test("variables of the original's sections act, or are reported, and never stop the start", () => {
  const config = load({
    ATCR_JETSTREAM_BACKFILL_ENABLED: "false",
    ATCR_JETSTREAM_URL: "wss://one.example.com",
    ATCR_HEALTH_CHECK_INTERVAL: "1m",
    ATCR_UI_LIBSQL_AUTH_TOKEN: "x",
    ATCR_AUTH_KEY_PATH: "/a.pem",
    ATCR_AI_API_KEY: "x",
  });
  assert.equal(config.index.backfill, false);
  assert.deepEqual(config.index.jetstream_urls, [
    "wss://one.example.com/subscribe",
  ]);
  assert.equal(config.health.check_interval_seconds, 60);
  const notices = config.origin.notices.join("\n");
  for (
    const name of ["UI_LIBSQL_AUTH_TOKEN", "AUTH_KEY_PATH", "AI_API_KEY"]
  ) {
    assert.match(notices, new RegExp(`^ATCR_${name} has no meaning here`, "m"));
  }
  assert.throws(() => load({ ATCR_NONSENSE: "1" }), ConfigError);
});

Deno.test("a moved setting contradicts its own name only with another value", () => {
  const both = (other: number) =>
    load({}, `health: {check_interval: 20m, check_interval_seconds: ${other}}`);
  assert.throws(() => both(60), /check_interval/);
  for (const { from, prefix } of MOVED) {
    if (prefix) assert.match(variableOf(from, prefix), /^(ATCR|HOLD)_[A-Z_]+$/);
  }
});

Deno.test("an environment of the original hold runs a hold alone, at its address", () => {
  const alone = load({
    HOLD_PUBLIC_URL: "https://hold.example.com",
    HOLD_DATABASE_DIR: "/var/lib/atcr-hold",
  });
  assert.deepEqual(alone.server.roles, ["hold"]);
  assert.equal(alone.server.listen.port, 8080);
  const local = load({ HOLD_PUBLIC_URL: "http://127.0.0.1:8081" });
  assert.equal(local.server.listen.port, 8081);
  assert.equal(local.server.base_url, local.hold.public_url);
});

Deno.test("a secret is made only where it is kept with what it encrypts", () => {
  const address = { ATCR_SERVER_BASE_URL: "https://registry.example.com" };
  assert.equal(
    load({ ...address, ATCR_DATA_DIR: "/data" }).secret_key,
    undefined,
  );
  for (
    const more of [{}, {
      ATCR_DATA_DIR: "/data",
      ATCR_KV_URL: "https://kv.test",
    }]
  ) {
    assert.throws(() => load({ ...address, ...more }), /secret_key/);
  }
});

Deno.test("an environment of the original hold works", () => {
  const config = load({
    HOLD_PUBLIC_URL: "https://hold.example.com",
    HOLD_SERVER_ADDR: ":8080",
    HOLD_OWNER: "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
    HOLD_PUBLIC: "true",
    HOLD_DATABASE_DIR: "/var/lib/atcr-hold",
    HOLD_KEY_PATH: "/var/lib/atcr-hold/signing.key",
    HOLD_BLUESKY_POSTS_ENABLED: "true",
    DISABLE_PRESIGNED_URLS: "true",
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    S3_BUCKET: "blobs",
    S3_ENDPOINT: "https://gateway.storjshare.io",
    ATCR_SERVER_ROLES: "hold",
    ATCR_SECRET_KEY: KEY,
  });
  assert.equal(config.server.base_url, "https://hold.example.com");
  assert.equal(config.server.listen.port, 8080);
  assert.equal(config.hold.did, "did:web:hold.example.com");
  assert.equal(config.hold.public, true);
  assert.equal(config.hold.presigned_urls, false);
  assert.equal(config.data_dir, "/var/lib/atcr-hold");
  assert.equal(config.storage.driver, "s3");
  assert.equal(config.storage.s3.region, "us-east-1");
  assert.equal(config.storage.s3.force_path_style, true);
  assert.match(config.origin.notices.join(), /HOLD_KEY_PATH/);
});

Deno.test("an environment of the original avatar service works", () => {
  const config = load({
    ...PUBLIC,
    ATCR_SERVER_ROLES: "avatar",
    LISTEN_ADDR: ":8080",
    BUCKET_NAME: "avatars",
    AWS_REGION: "auto",
    AWS_ENDPOINT_URL_S3: "https://fly.storage.tigris.dev",
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    BUCKET_PUBLIC_HOST: "cdn.example.com",
  });
  const { storage, public_host } = config.avatar;
  assert.equal(storage.driver, "s3");
  assert.equal(storage.s3.bucket, "avatars");
  assert.equal(storage.s3.region, "auto");
  assert.equal(storage.s3.access_key_id, "key");
  assert.equal(storage.s3.force_path_style, false);
  assert.equal(public_host, "cdn.example.com");
  assert.equal(config.storage.driver, "filesystem");
});

Deno.test("the environment of the original avatar service alone starts avatars only, on its port", () => {
  const original = {
    BUCKET_NAME: "avatars",
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
  };
  const { server, sandbox, avatar } = load(original);
  assert.deepEqual(server.roles, ["avatar"]);
  assert.deepEqual(server.listen, { hostname: "0.0.0.0", port: 8080 });
  assert.equal(sandbox.enabled, false);
  assert.equal(avatar.storage.s3.bucket, "avatars");

  const listening = load({ ...original, LISTEN_ADDR: "127.0.0.1:9000" });
  assert.deepEqual(listening.server.roles, ["avatar"]);
  assert.equal(listening.server.listen.port, 9000);
  // Its platform has a proxy, of which the environment says nothing.
  assert.equal(server.near_proxy, true);
  const told = load({ ...original, ATCR_SERVER_TRUST_PROXY: "false" });
  assert.equal(told.server.near_proxy, false);
  assert.equal(load({ ...original, ...PUBLIC }).server.near_proxy, false);
  // Where the data is and how avatars are made does not matter.
  const more = { ATCR_DATA_DIR: "/data", ATCR_AVATAR_WORKERS: "1" };
  assert.deepEqual(load({ ...original, ...more }).server.roles, ["avatar"]);

  const others: Record<string, string>[] = [
    PUBLIC,
    { S3_BUCKET: "blobs" },
    { HOLD_OWNER: "alice.test" },
    { ATCR_SERVER_ROLES: "registry,hold" },
    { STORAGE_DRIVER: "filesystem" },
  ];
  for (const other of others) {
    const { roles } = load({ ...original, ...other }).server;
    assert.ok(roles.includes("registry"), JSON.stringify(other));
  }
  const { BUCKET_NAME, ...rest } = original;
  const named = load({ ...rest, ATCR_AVATAR_S3_BUCKET: BUCKET_NAME });
  assert.equal(named.server.listen.port, 5000);
});
