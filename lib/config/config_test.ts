import assert from "node:assert/strict";
import fc from "fast-check";
import { ALIASES } from "./original/aliases.ts";
import { MOVED } from "./original/moved.ts";
import { RETIRED, RETIRED_PATHS } from "./original/retired.ts";
import { loadConfig } from "./config.ts";
import { ConfigError } from "./config_error.ts";
import { settingsSchema } from "./schema.ts";
import { leavesOf, nodesOf } from "./setting.ts";
import { load, mistakes, PUBLIC } from "./testing_config.ts";

const LEAVES = leavesOf(nodesOf(settingsSchema));

Deno.test("the default is a laptop with the sandbox", () => {
  const config = load({});
  assert.equal(config.server.base_url, "http://localhost:5000");
  assert.deepEqual(config.server.listen, { hostname: "127.0.0.1", port: 5000 });
  assert.deepEqual(config.server.roles, ["registry", "hold", "avatar"]);
  assert.equal(config.server.public, false);
  assert.equal(config.sandbox.enabled, true);
  assert.equal(config.hold.owner, "alice.test");
  assert.equal(config.hold.public, true);
  assert.equal(config.hold.allow_all_crew, true);
  assert.equal(config.hold.did, "did:web:localhost%3A5000");
  assert.equal(config.server.default_hold_did, "did:web:localhost%3A5000");
  assert.equal(config.storage.driver, "filesystem");
  assert.equal(config.storage.root_dir, "data/blobs");
  assert.equal(config.kv.location, "data/kv.sqlite3");
  assert.equal(config.secret_key, undefined);
});

Deno.test("with a public address nothing is open by default", () => {
  const config = load(PUBLIC);
  assert.equal(config.sandbox.enabled, false);
  assert.equal(config.hold.public, false);
  assert.equal(config.hold.allow_all_crew, false);
  assert.equal(config.hold.owner, undefined);
  assert.equal(config.hold.did, "did:web:registry.example.com");
  assert.equal(config.server.listen.hostname, "0.0.0.0");
  assert.deepEqual(config.secret_key, new Uint8Array(32));
});

Deno.test("the network is followed with a public address, or where servers are given", () => {
  const index = (env: Record<string, string>) => load(env).index;
  // The sandbox brings its own servers.
  assert.equal(index({}).follow, true);
  assert.deepEqual(index({}).jetstream_urls, []);
  assert.equal(index({}).relay_url, undefined);
  assert.equal(index({ ATCR_SANDBOX_ENABLED: "false" }).follow, false);
  assert.equal(index(PUBLIC).follow, true);
  assert.ok(index(PUBLIC).jetstream_urls.length > 1);
  assert.ok(index(PUBLIC).relay_url);
  const testMode = { ...PUBLIC, ATCR_SERVER_TEST_MODE: "true" };
  assert.equal(index(testMode).follow, false);
  assert.equal(index({ ...PUBLIC, ATCR_INDEX_FOLLOW: "false" }).follow, false);
  const given = "wss://one.example.com,wss://two.example.com/subscribe";
  const some = index({ ...testMode, ATCR_INDEX_JETSTREAM_URLS: given });
  assert.equal(some.follow, true);
  assert.deepEqual(some.jetstream_urls, [
    "wss://one.example.com/subscribe",
    "wss://two.example.com/subscribe",
  ]);
});

Deno.test("the environment takes precedence over the file, the file over the defaults", () => {
  const yaml = "log_level: debug\nserver:\n  addr: 6000\n  client_name: File\n";
  const config = load({ ATCR_SERVER_CLIENT_NAME: "Env" }, yaml);
  assert.equal(config.log_level, "debug");
  assert.equal(config.server.client_name, "Env");
  assert.equal(config.server.base_url, "http://localhost:6000");
  assert.equal(config.server.shutdown_timeout_seconds, 30);
  assert.deepEqual([...config.origin.settings], [
    ["log_level", "atcr.yaml"],
    ["server.addr", "atcr.yaml"],
    ["server.client_name", "ATCR_SERVER_CLIENT_NAME"],
  ]);
});

Deno.test("empty variables and empty YAML values count as not set", () => {
  const config = load(
    { HOLD_OWNER: "", ATCR_LOG_LEVEL: " " },
    "log_level: warn\nhold:\n  owner:\nserver:\n",
  );
  assert.equal(config.hold.owner, "alice.test");
  assert.equal(config.log_level, "warn");
});

Deno.test("every setting has its own variable, and every alias a setting", () => {
  assert.equal(new Set(LEAVES.map((leaf) => leaf.env)).size, LEAVES.length);
  const paths = new Set(LEAVES.map((leaf) => leaf.path));
  const own = new Set(LEAVES.map((leaf) => leaf.env));
  for (const { name, path } of ALIASES) {
    assert.ok(paths.has(path), `${name} sets ${path}`);
    assert.ok(!own.has(name), `${name} is no alias`);
  }
  for (const { name } of RETIRED) assert.ok(!own.has(name), name);
  for (const { to } of MOVED) assert.ok(paths.has(to), to);
  const former = [
    ...RETIRED_PATHS.map(({ name }) => name),
    ...MOVED.map(({ from }) => from),
  ];
  for (const name of former) assert.ok(!paths.has(name), name);
});

Deno.test("every variable reaches its setting", () => {
  for (const { env, path } of LEAVES) {
    try {
      const { origin } = load({ [env]: "no such value" });
      assert.equal(origin.settings.get(path), env);
    } catch (error) {
      assert.ok(error instanceof ConfigError, `${env}: ${error}`);
      const section = path.slice(0, path.lastIndexOf(".") + 1);
      assert.ok(error.mistakes.every((m) => m.setting.startsWith(section)));
    }
  }
});

Deno.test("the prefix of stored blobs is accepted at its former path too", () => {
  const prefix = (env: Record<string, string>, yaml?: string) =>
    load(env, yaml).storage.prefix;
  assert.equal(prefix({}), "docker/registry/v2");
  assert.equal(prefix({}, "storage: {prefix: a}"), "a");
  assert.equal(prefix({}, "storage: {s3: {prefix: a}}"), "a");
  assert.equal(prefix({ ATCR_STORAGE_PREFIX: "b" }), "b");
  assert.equal(prefix({ ATCR_STORAGE_S3_PREFIX: "b" }), "b");
  assert.match(
    mistakes({}, "storage: {prefix: a, s3: {prefix: b}}").join(),
    /storage\.s3\.prefix and storage\.prefix set it to different values/,
  );
});

Deno.test("uploads to a hold expire like those to the registry unless set separately", () => {
  const hours = (env: Record<string, string>) =>
    load(env).hold.upload_ttl_hours;
  assert.equal(hours({}), 24);
  assert.equal(hours({ ATCR_REGISTRY_UPLOAD_TTL_HOURS: "5" }), 5);
  assert.equal(
    hours({
      ATCR_REGISTRY_UPLOAD_TTL_HOURS: "5",
      ATCR_HOLD_UPLOAD_TTL_HOURS: "7",
    }),
    7,
  );
});

Deno.test("a public https address without the proxy setting gives a warning", () => {
  const asks = (env: Record<string, string>) =>
    load(env).origin.notices.some((notice) =>
      notice.startsWith("server.trust_proxy is not set")
    );
  assert.ok(asks(PUBLIC));
  for (const answer of ["true", "false"]) {
    assert.ok(!asks({ ...PUBLIC, ATCR_SERVER_TRUST_PROXY: answer }), answer);
  }
  assert.ok(!asks({}));
});

Deno.test("a setting's own variable takes precedence over its aliases", () => {
  const env = { ATCR_STORAGE_S3_REGION: "eu-west-1", AWS_REGION: "us-east-2" };
  assert.equal(load(env).storage.s3.region, "eu-west-1");
});

Deno.test("two aliases that disagree are an error, two that agree are not", () => {
  const env = { LISTEN_ADDR: ":8080", HOLD_SERVER_ADDR: ":8080" };
  assert.equal(load(env).server.listen.port, 8080);
  assert.match(
    mistakes({ ...env, ATCR_HTTP_ADDR: ":5000" }).join(),
    /server\.addr: .*ATCR_HTTP_ADDR/,
  );
});

Deno.test("the quota tiers come from YAML or as text from the environment", () => {
  const yaml = "hold:\n  quota:\n    tiers:\n      bosun: {quota: 50GB}\n" +
    "    default_tier: bosun\n";
  assert.deepEqual(load({}, yaml).hold.quota, {
    tiers: { bosun: { quota: 50e9 } },
    default_tier: "bosun",
  });
  const env = { ATCR_HOLD_QUOTA_TIERS: '{"deckhand": {"quota": "5GiB"}}' };
  assert.equal(
    load(env).hold.quota.tiers.deckhand?.quota,
    5 * 2 ** 30,
  );
});

Deno.test("all mistakes are reported at once, with their paths and what is allowed", () => {
  const found = mistakes(
    {
      ATCR_SERVER_ADDR: "nowhere",
      ATCR_SERVER_ADRR: ":1",
      ATCR_SECRET_KEY: "hunter2",
      HOLD_PUBLIC: "perhaps",
    },
    "server:\n  base_uri: x\n  roles: [hold, x, y]\nkv: 5\nsevrer: {}\n" +
      "storage: {driver: s3}\n",
  );
  const expected = [
    /^server\.addr: "nowhere" is not allowed; expected .*:5000/,
    /^ATCR_SERVER_ADRR: is not a setting/,
    /^secret_key: the given value \(hidden\) is not allowed; expected 32 bytes/,
    /^hold\.public: "perhaps" .*true or false/,
    /^server\.base_uri: is not a setting; allowed in server: addr, base_url/,
    /^server\.roles: \["hold","x","y"\] .*registry, hold, avatar/,
    /^kv: must be a section with url/,
    /^sevrer: is not a setting; allowed at the top: log_level/,
    /^storage\.s3\.bucket: is required/,
  ];
  for (const pattern of expected) {
    assert.ok(found.some((m) => pattern.test(m)), `${pattern}: ${found}`);
  }
  assert.equal(found.length, expected.length);
});

Deno.test("the message names the variable or the file of each mistake", () => {
  assert.throws(
    () => load({ HOLD_PUBLIC: "x" }, "log_level: loud"),
    (error) =>
      error instanceof ConfigError && error.message.includes(
        'log_level (atcr.yaml): "loud"',
      ) && error.message.includes('hold.public (HOLD_PUBLIC): "x"'),
  );
});

Deno.test("messages contain no secrets", () => {
  const found = mistakes({
    ATCR_SECRET_KEY: "secret-one",
    ATCR_KV_URL: "https://user:secret-two@kv.example",
    AWS_SECRET_ACCESS_KEY: "secret-three",
    ATCR_STORAGE_DRIVER: "s3",
    ATCR_SECRET_KEYS: "secret-four",
  }).join("\n");
  assert.doesNotMatch(found, /secret-(one|two|three|four)/);
});

Deno.test("malformed and missing files are reported by name", () => {
  assert.match(mistakes({}, "a: [1\nb: }").join(), /atcr\.yaml: .*line/);
  assert.match(mistakes({}, "- a list").join(), /must hold settings/);
  assert.match(mistakes({}, "log_level: a\nlog_level: b").join(), /unique/);
  assert.throws(
    () =>
      loadConfig({
        args: ["--config=gone.yaml"],
        env: {},
        readTextFile: () => {
          throw new Error("No such file");
        },
      }),
    /--config: gone\.yaml cannot be read: No such file/,
  );
  assert.throws(
    () => loadConfig({ args: ["--config"], env: {}, readTextFile: () => "" }),
    /--config: needs the name of a file/,
  );
});

Deno.test("ambient AWS variables do not disturb a server without S3", () => {
  assert.equal(
    load({ AWS_ACCESS_KEY_ID: "x" }).storage.driver,
    "filesystem",
  );
});

Deno.test("test mode accepts http for external addresses", () => {
  const env = {
    ...PUBLIC,
    ATCR_BASE_URL: "http://registry.lan",
    TEST_MODE: "1",
  };
  const { ATCR_SERVER_BASE_URL: _, ...rest } = env;
  assert.equal(load(rest).server.base_url, "http://registry.lan");
});

Deno.test("on Deno Deploy the platform's key-value store is used", () => {
  const env = { ...PUBLIC, S3_BUCKET: "b", DENO_DEPLOYMENT_ID: "x" };
  assert.equal(load(env).kv.location, undefined);
  assert.ok(load(env).deploy);
  assert.ok(!load({}).deploy);
});

Deno.test("the address contains the given loopback host", () => {
  const base = (addr: string) => load({ LISTEN_ADDR: addr }).server;
  assert.equal(base("127.0.0.1:80").base_url, "http://127.0.0.1:80");
  assert.equal(base("[::1]:5001").base_url, "http://[::1]:5001");
  assert.equal(base("0.0.0.0:5001").base_url, "http://localhost:5001");
  assert.equal(base("0.0.0.0:5001").listen.hostname, "0.0.0.0");
});

Deno.test("nothing in the configuration can be changed", () => {
  const config = load({}, "hold: {quota: {tiers: {a: {quota: 1}}}}");
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if (ArrayBuffer.isView(value) || value instanceof Map) return;
    assert.ok(Object.isFrozen(value));
    Object.values(value).forEach(visit);
  };
  visit(config);
});

Deno.test("any environment and any YAML give a configuration or a ConfigError", () => {
  const names = [
    ...LEAVES.map((leaf) => leaf.env),
    ...ALIASES.map((alias) => alias.name),
    ...RETIRED.map((retired) => retired.name),
    "ATCR_X",
    "__proto__",
  ];
  const word = fc.constantFrom(
    ...["on", "5", "auto", "https://a.example", "[", "{a: 1}", "did:web:a.b"],
    ...["-1", "s3", "&a [*a]", "!!js/function", "null", "~", "|", "1e999"],
  );
  const value = fc.oneof(word, fc.string());
  const env = fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 8 });
  const paths = LEAVES.map((leaf) => leaf.path.split("."));
  const nested = fc.array(
    fc.tuple(fc.constantFrom(...paths), fc.oneof(value, fc.jsonValue())),
    { maxLength: 6 },
  ).map((entries) => {
    const tree = {};
    for (const [path, given] of entries) {
      let section: Record<string, unknown> = tree;
      for (const name of path.slice(0, -1)) {
        section = (section[name] ??= {}) as Record<string, unknown>;
      }
      section[path.at(-1) ?? ""] = given;
    }
    return JSON.stringify(tree);
  });
  const single = fc.tuple(fc.constantFrom(...paths), value).map((
    [path, given],
  ) => path.map((name, i) => `${"  ".repeat(i)}${name}:`).join("\n") + given);
  const yaml = fc.oneof(
    nested,
    single,
    fc.string(),
    fc.json(),
    fc.object().map((object) => JSON.stringify(object)),
    fc.constant('{"__proto__": {"x": 1}, "constructor": 1}'),
    fc.constant("a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]"),
  );
  fc.assert(
    fc.property(env, fc.option(yaml, { nil: undefined }), (env, yaml) => {
      try {
        load(env, yaml);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        assert.ok(error.mistakes.length > 0);
      }
      assert.equal(Object.hasOwn(Object.prototype, "x"), false);
    }),
    { numRuns: 2_000 },
  );
});
