/** Failing starts: they end with exit code 1 and name the setting. */

import assert from "node:assert/strict";
import { freePort } from "../tools/ports.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const LIMIT_MS = 60_000;

/** Runs the program until it exits; returns its exit code and output. */
async function run(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; said: string; dataDir: string }> {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-start-" });
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), LIMIT_MS);
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", MAIN, ...args],
      env: { NO_COLOR: "1", ATCR_DATA_DIR: dataDir, ...env },
      signal: stop.signal,
    }).output();
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    return { code, said: decode(stdout) + decode(stderr), dataDir };
  } finally {
    clearTimeout(timer);
    await Deno.remove(dataDir, { recursive: true });
  }
}

/** Fails unless the program ended with 1 and every pattern is in what it said. */
function assertRefused(
  { code, said }: { code: number; said: string },
  ...patterns: RegExp[]
): void {
  assert.equal(code, 1, said);
  for (const pattern of patterns) assert.match(said, pattern);
  assert.doesNotMatch(said, /^ {4}at /m, "a stack trace is no help");
}

Deno.test("a port in use is reported with its setting", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const env = { ATCR_SERVER_ADDR: `127.0.0.1:${port}`, ATCR_SANDBOX: "off" };
  assertRefused(
    await run([], env),
    new RegExp(`127\\.0\\.0\\.1:${port}`),
    /server\.addr \(ATCR_SERVER_ADDR\)/,
  );
});

Deno.test("a sandbox port in use is reported with its setting", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = {
    ATCR_SERVER_ADDR: `127.0.0.1:${freePort()}`,
    ATCR_SANDBOX_PLC_PORT: String(freePort()),
  };
  const said = await run([], {
    ...env,
    ATCR_SANDBOX_PDS_PORT: String(taken.addr.port),
  });
  assertRefused(
    said,
    /ATCR_SANDBOX_PDS_PORT/,
    new RegExp(`${taken.addr.port}`),
  );
});

Deno.test("all mistakes of a configuration are reported at once, each with its path", async () => {
  const path = await Deno.makeTempFile({ suffix: ".yaml" });
  try {
    await Deno.writeTextFile(
      path,
      [
        "server:",
        "  addr: nowhere:99999",
        "  colour: blue",
        "registry:",
        "  delivery: pigeon",
        "  max_manifest_bytes: 12",
        "hold:",
        "  public: maybe",
      ].join("\n"),
    );
    assertRefused(
      await run(["--config", path], { ATCR_REGISTRY_TOKEN_TTL_SECONDS: "x" }),
      /addr/,
      /colour/,
      /delivery/,
      /max_manifest_bytes/,
      /public/,
      /ATCR_REGISTRY_TOKEN_TTL_SECONDS/,
    );
    await Deno.writeTextFile(path, "server: [unclosed");
    assertRefused(await run(["--config", path], {}), new RegExp(path));
  } finally {
    await Deno.remove(path);
  }
  assertRefused(
    await run(["--config", "/no/such/file.yaml"], {}),
    /\/no\/such\/file\.yaml/,
  );
});

Deno.test("the sandbox is refused with a public address", async () => {
  const env = {
    ATCR_SERVER_BASE_URL: "https://registry.example.com",
    ATCR_SANDBOX: "on",
  };
  assertRefused(await run([], env), /sandbox/i, /base_url|public/i);
});

Deno.test("data of another secret are not changed", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-secret-" });
  try {
    await Deno.writeTextFile(`${dataDir}/secret.key`, "too short");
    const env = {
      ATCR_SERVER_ADDR: `127.0.0.1:${freePort()}`,
      ATCR_SANDBOX: "off",
      ATCR_DATA_DIR: dataDir,
    };
    assertRefused(await run([], env), /secret\.key/, /ATCR_SECRET_KEY/);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});

Deno.test("an unknown command is reported with the known ones", async () => {
  assertRefused(await run(["fly"], {}), /"fly"/, /config init/);
});
