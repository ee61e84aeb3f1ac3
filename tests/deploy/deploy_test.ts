/** The files in deploy/, checked by the programs that read them where these are installed. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parse as parseToml } from "smol-toml";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";
import { loadConfig } from "../../lib/config/config.ts";
import { findProgram, ROOT } from "../tools/paths.ts";
import { VERSION } from "../../routes/version.ts";
import { readEnvFile } from "../support/env_file.ts";
import { run } from "../support/tool.ts";

const DEPLOY = join(ROOT, "deploy");
const KUBERNETES = "1.31";

/** Variables that the compose file asks for. */
const COMPOSE_ENV = {
  REGISTRY_DOMAIN: "registry.example.com",
  HOLD_DOMAIN: "hold.example.com",
  HOLD_OWNER: "you.example.com",
  REGISTRY_SECRET_KEY: "00".repeat(32),
  HOLD_SECRET_KEY: "11".repeat(32),
  METRICS_TOKEN: "token",
};

/** Runs `check` with a program, or leaves it out where the program is not installed. */
async function checked(
  name: string,
  program: string,
  check: (path: string) => Promise<void>,
): Promise<void> {
  const path = await findProgram(program);
  Deno.test({
    name: path === undefined ? `${name} (${program} is not installed)` : name,
    ignore: path === undefined,
    fn: async () => {
      assert.ok(path);
      await check(path);
    },
  });
}

/** Runs a program and fails unless it succeeds. */
async function succeeds(
  program: string,
  args: readonly string[],
  options: Parameters<typeof run>[2] = {},
): Promise<{ said: string; out: string }> {
  const { code, said, out } = await run(program, args, options);
  assert.equal(code, 0, said);
  return { said, out };
}

/** Fails unless the configuration takes `env` without a notice about an option. */
function assertSettings(env: Record<string, string>): void {
  const { origin } = loadConfig({ args: [], env, readTextFile: () => "" });
  assert.deepEqual(
    origin.notices.filter((notice) => /no meaning/.test(notice)),
    [],
  );
}

await checked(
  "compose files are valid, with every profile",
  "docker-compose",
  async (compose) => {
    const file = join(DEPLOY, "compose", "docker-compose.yml");
    const args = ["--profile", "postgres", "--profile", "minio", "config"];
    const { out } = await succeeds(compose, ["-f", file, ...args], {
      env: COMPOSE_ENV,
    });
    const { services } = z.object({
      services: z.record(
        z.string(),
        z.object({ environment: z.record(z.string(), z.string()).optional() }),
      ),
    }).parse(parse(out));
    assert.deepEqual(Object.keys(services).sort(), [
      ...["caddy", "hold", "minio", "postgres", "registry"],
    ]);
    for (const name of ["registry", "hold"]) {
      const env = services[name]?.environment ?? {};
      assertSettings({ ...env, ATCR_DATA_DIR: "/data" });
    }
    // The file of the hold reads variables from the root of the checkout.
    const env = await Deno.makeTempDir();
    try {
      await Deno.mkdir(join(env, "deploy", "compose"), { recursive: true });
      await Deno.copyFile(join(DEPLOY, "hold.env"), join(env, ".env.hold"));
      const hold = join(env, "deploy", "compose", "hold.yml");
      await Deno.copyFile(join(DEPLOY, "compose", "hold.yml"), hold);
      await succeeds(compose, ["-f", hold, "config", "-q"]);
    } finally {
      await Deno.remove(env, { recursive: true });
    }
  },
);

await checked("the Caddyfile is valid", "caddy", async (caddy) => {
  const config = join(DEPLOY, "compose", "Caddyfile");
  const args = ["validate", "--adapter", "caddyfile", "--config", config];
  const home = await Deno.makeTempDir();
  try {
    await succeeds(caddy, args, {
      env: { ...COMPOSE_ENV, HOME: home, XDG_DATA_HOME: home },
    });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

await checked("the site of nginx is valid", "nginx", async (nginx) => {
  const openssl = await findProgram("openssl");
  if (openssl === undefined) return;
  const folder = await Deno.makeTempDir();
  try {
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    const made = [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "1",
    ];
    const files = ["-subj", "/CN=registry.example.com", "-keyout", key];
    await succeeds(openssl, [...made, ...files, "-out", cert]);
    const site = await Deno.readTextFile(join(DEPLOY, "nginx", "atcr.conf"));
    await Deno.writeTextFile(
      join(folder, "site.conf"),
      site.replace(/ssl_certificate .*;/, `ssl_certificate ${cert};`)
        .replace(/ssl_certificate_key .*;/, `ssl_certificate_key ${key};`)
        // nginx opens the addresses to test them.
        .replace(/listen \[::\].*;/g, "")
        .replace(/listen (80|443)\b/g, `listen unix:${folder}/$1.sock`),
    );
    const conf = join(folder, "nginx.conf");
    await Deno.writeTextFile(
      conf,
      `pid ${folder}/pid;\nerror_log ${folder}/error.log;\nevents {}\n` +
        `http {\naccess_log off;\n` +
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
          .map((kind) => `${kind}_temp_path ${folder}/${kind};\n`).join("") +
        `include ${folder}/site.conf;\n}\n`,
    );
    await succeeds(nginx, ["-t", "-c", conf, "-p", folder]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Renders the chart. */
async function rendered(helm: string, values?: string): Promise<string> {
  const chart = join(DEPLOY, "helm", "atcr");
  const more = values === undefined ? [] : ["-f", values];
  const version = ["--kube-version", `${KUBERNETES}.0`];
  const { out } = await succeeds(helm, [
    ...["template", "atcr", chart],
    ...version,
    ...more,
  ]);
  return out;
}

await checked(
  "the chart is valid, and several replicas of a volume are refused",
  "helm",
  async (helm) => {
    await succeeds(helm, ["lint", join(DEPLOY, "helm", "atcr")]);
    await rendered(helm);
    const { code, said } = await run(helm, [
      ...[
        "template",
        "atcr",
        join(DEPLOY, "helm", "atcr"),
        "--set",
        "replicas=2",
      ],
      ...["--kube-version", `${KUBERNETES}.0`],
    ]);
    assert.equal(code, 1);
    assert.match(said, /shared key-value store and a bucket/);
  },
);

await checked(
  "the plain manifests are what the chart makes",
  "helm",
  async (helm) => {
    const made = await rendered(
      helm,
      join(DEPLOY, "kubernetes", "values.yaml"),
    );
    const kept = await Deno.readTextFile(
      join(DEPLOY, "kubernetes", "atcr.yaml"),
    );
    const objects = (text: string) =>
      parseAllDocuments(text).map((document) => document.toJS());
    assert.deepEqual(objects(kept), objects(made), "run: deno task manifests");
  },
);

await checked(
  "the manifests fit the schemas of Kubernetes",
  "kubernetes-validate",
  async (validate) => {
    const file = join(DEPLOY, "kubernetes", "atcr.yaml");
    await succeeds(validate, ["--strict", "-k", KUBERNETES, file]);
  },
);

Deno.test("pods run with few rights, are probed, and stop slowly enough for uploads", async () => {
  const text = await Deno.readTextFile(join(DEPLOY, "kubernetes", "atcr.yaml"));
  const objects: unknown[] = parseAllDocuments(text).map((one) => one.toJS());
  const found = (kind: string) =>
    objects.find((object) =>
      z.looseObject({ kind: z.literal(kind) }).safeParse(object).success
    );
  const { spec } = z.looseObject({
    spec: z.looseObject({
      template: z.looseObject({
        spec: z.looseObject({
          terminationGracePeriodSeconds: z.number().min(40),
          automountServiceAccountToken: z.literal(false),
          securityContext: z.looseObject({
            runAsNonRoot: z.literal(true),
            seccompProfile: z.object({ type: z.literal("RuntimeDefault") }),
          }),
          containers: z.array(z.looseObject({
            securityContext: z.object({
              allowPrivilegeEscalation: z.literal(false),
              readOnlyRootFilesystem: z.literal(true),
              capabilities: z.object({ drop: z.tuple([z.literal("ALL")]) }),
            }),
            readinessProbe: z.looseObject({ timeoutSeconds: z.literal(4) }),
            livenessProbe: z.looseObject({}),
            startupProbe: z.looseObject({}),
          })),
        }),
      }),
    }),
  }).parse(found("Deployment"));
  assert.equal(spec.template.spec.containers.length, 1);
  for (
    const kind of [
      ...["PodDisruptionBudget", "HorizontalPodAutoscaler"],
      ...["NetworkPolicy", "ServiceMonitor", "Ingress", "Service"],
    ]
  ) {
    assert.ok(found(kind), kind);
  }
  // Its schema is no part of Kubernetes; these are the keys in use.
  z.strictObject({
    apiVersion: z.literal("monitoring.coreos.com/v1"),
    kind: z.literal("ServiceMonitor"),
    metadata: z.strictObject({
      name: z.string(),
      labels: z.record(z.string(), z.string()),
    }),
    spec: z.strictObject({
      selector: z.strictObject({
        matchLabels: z.record(z.string(), z.string()),
      }),
      endpoints: z.array(z.strictObject({
        port: z.literal("http"),
        path: z.literal("/metrics"),
        interval: z.string(),
        authorization: z.strictObject({
          credentials: z.strictObject({ name: z.string(), key: z.string() }),
        }).optional(),
      })),
    }),
  }).parse(found("ServiceMonitor"));
  const { data } = z.looseObject({ data: z.record(z.string(), z.string()) })
    .parse(found("ConfigMap"));
  assertSettings({ ...data, ATCR_SECRET_KEY: "00".repeat(32) });
});

await checked(
  "the unit of systemd is valid and exposes little",
  "systemd-analyze",
  async (analyze) => {
    const unit = join(DEPLOY, "systemd", "atcr.service");
    const { said } = await succeeds(analyze, [
      ...["security", "--offline=true", "--no-pager", unit],
    ]);
    const level = /Overall exposure level for atcr\.service: ([\d.]+)/.exec(
      said,
    );
    assert.ok(Number(level?.[1]) <= 1.5, said.slice(-200));
  },
);

Deno.test("fly.toml has the keys that fly.io documents, and settings that exist", async () => {
  const text = await Deno.readTextFile(join(DEPLOY, "fly", "fly.toml"));
  const { env } = z.strictObject({
    app: z.string(),
    primary_region: z.string().length(3),
    kill_signal: z.enum(["SIGTERM", "SIGINT"]),
    kill_timeout: z.string().regex(/^\d+s$/),
    build: z.strictObject({ dockerfile: z.string() }),
    env: z.record(z.string(), z.string()),
    mounts: z.array(
      z.strictObject({ source: z.string(), destination: z.literal("/data") }),
    ),
    http_service: z.strictObject({
      internal_port: z.literal(5000),
      force_https: z.boolean(),
      auto_stop_machines: z.enum(["off", "stop", "suspend"]),
      auto_start_machines: z.boolean(),
      min_machines_running: z.int(),
      concurrency: z.strictObject({
        type: z.enum(["connections", "requests"]),
        soft_limit: z.int(),
        hard_limit: z.int(),
      }),
      checks: z.array(z.strictObject({
        method: z.literal("GET"),
        path: z.literal("/readyz"),
        interval: z.string(),
        timeout: z.string(),
        grace_period: z.string(),
      })),
    }),
    metrics: z.strictObject({ port: z.int(), path: z.string() }),
    vm: z.array(z.strictObject({ size: z.string(), memory: z.string() })),
  }).parse(parseToml(text));
  assertSettings({ ...env, ATCR_SECRET_KEY: "00".repeat(32) });
});

Deno.test("the example environments and the image name only settings that exist", async () => {
  for (const name of ["registry.env", "hold.env", "development.env"]) {
    const env = await readEnvFile(join(DEPLOY, name));
    assertSettings({ ATCR_DATA_DIR: "/data", ...env });
  }
  const dockerfile = await Deno.readTextFile(join(ROOT, "Dockerfile"));
  const pairs = [...dockerfile.matchAll(/\b(ATCR_[A-Z_]+)=(\S+)/g)]
    .filter(([, name]) =>
      !["ATCR_SERVER_BASE_URL", "ATCR_SECRET_KEY"].includes(name ?? "")
    );
  assert.ok(pairs.length >= 4);
  assertSettings(Object.fromEntries(
    pairs.map(([, name = "", value = ""]) => [name, value]),
  ));
});

Deno.test("chart and image have the version of the program", async () => {
  const chart = await Deno.readTextFile(
    join(DEPLOY, "helm", "atcr", "Chart.yaml"),
  );
  const dockerfile = await Deno.readTextFile(join(ROOT, "Dockerfile"));
  const { version, appVersion } = z.looseObject({
    version: z.string(),
    appVersion: z.string(),
  }).parse(parse(chart));
  assert.deepEqual([version, appVersion], [VERSION, VERSION]);
  assert.match(dockerfile, new RegExp(`^ARG VERSION=${VERSION}$`, "m"));
});

Deno.test("the image is built in stages, without the private network, and runs as a user without rights", async () => {
  const text = await Deno.readTextFile(join(ROOT, "Dockerfile"));
  const last = text.slice(text.lastIndexOf("\nFROM "));
  assert.equal(text.match(/^FROM /gm)?.length, 2);
  assert.match(last, /^USER 1000:1000$/m);
  assert.match(last, /^HEALTHCHECK /m);
  assert.doesNotMatch(last, /deno", "eval|COPY sandbox/);
  assert.match(last, /org\.opencontainers\.image\.licenses/);
});

await checked(
  "the Dockerfile follows the rules of hadolint",
  "hadolint",
  async (hadolint) => {
    await succeeds(hadolint, [join(ROOT, "Dockerfile")]);
  },
);
