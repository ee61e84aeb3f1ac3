import assert from "node:assert/strict";
import { ALIASES } from "./original/aliases.ts";
import { renderConfig, renderDefaultYaml } from "./render.ts";
import { settingsSchema } from "./schema.ts";
import { leavesOf, nodesOf } from "./setting.ts";
import { load } from "./testing_config.ts";

const LEAVES = leavesOf(nodesOf(settingsSchema));

Deno.test("the default file changes nothing", () => {
  const { origin: _, ...written } = load({}, renderDefaultYaml());
  const { origin: __, ...defaults } = load({});
  assert.deepEqual(written, defaults);
});

Deno.test("the default file names every setting and variable", () => {
  const yaml = renderDefaultYaml();
  for (const { env } of LEAVES) assert.match(yaml, new RegExp(`# ${env}\\b`));
  for (const { name } of ALIASES) assert.ok(yaml.includes(name), name);
});

Deno.test("every line of the default file fits in a terminal", () => {
  for (const line of renderDefaultYaml().split("\n")) {
    const listed = line.trimStart().startsWith("#") ? line : "";
    assert.ok(listed.length <= 80, line);
  }
});

Deno.test("the effective configuration shows values and their sources", () => {
  const text = renderConfig(load({
    LISTEN_ADDR: ":6000",
    HOLD_KEY_PATH: "/key",
  }));
  assert.match(text, /^ {2}addr: :6000 {2}# LISTEN_ADDR$/m);
  assert.match(text, /^ {2}base_url: http:\/\/localhost:6000 {2}# /m);
  assert.match(text, /^log_level: info {2}# default$/m);
  assert.match(text, /^# HOLD_KEY_PATH has no meaning here/m);
});

Deno.test("the effective configuration names the directory of the sandbox if it is used", () => {
  const used = renderConfig(load({ ATCR_SANDBOX_PLC_PORT: "2999" }));
  assert.match(
    used,
    /^# The sandbox is used: .* http:\/\/localhost:2999 .* https:\/\/plc\.directory\.$/m,
  );
  assert.doesNotMatch(
    renderConfig(load({ ATCR_SANDBOX_ENABLED: "false" })),
    /sandbox is used/,
  );
});

Deno.test("the effective configuration hides secrets and is YAML that loads", () => {
  const env = {
    ATCR_SECRET_KEY: "ab".repeat(32),
    ATCR_METRICS_TOKEN: "metrics-secret",
    S3_BUCKET: "b",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "aws-secret",
    AWS_SESSION_TOKEN: "session-secret",
    ATCR_SERVER_CLIENT_NAME: "two\nlines: # no comment",
  };
  const text = renderConfig(load(env));
  assert.doesNotMatch(text, /-secret|abab/);
  assert.equal(text.match(/\(hidden\)/g)?.length, 5);
  const again = load({}, text.replace(/.*(\(hidden\)| id ).*\n/g, ""));
  assert.equal(again.server.client_name, env.ATCR_SERVER_CLIENT_NAME);
});
