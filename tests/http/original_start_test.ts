/**
 * The program starts from the examples of the original documents and from our
 * own example files.
 */

import assert from "node:assert/strict";
import { readEnvFile } from "../support/env_file.ts";
import { freePort } from "../tools/ports.ts";
import { startProgram } from "../support/program.ts";

const ROOT = new URL("../../", import.meta.url);
const ORIGINAL = new URL("../fixtures/original/", import.meta.url);

/** What a test changes: no fixed ports and folders, and no network of others. */
function atHome(port: number, dataDir: string): Record<string, string> {
  return {
    ATCR_SERVER_ADDR: `127.0.0.1:${port}`,
    ATCR_SERVER_BASE_URL: "",
    ATCR_DATA_DIR: dataDir,
    ATCR_SANDBOX: "off",
    ATCR_INDEX_FOLLOW: "off",
  };
}

/** Starts the program from its own files and returns the status of a path and the log. */
async function start(
  env: Record<string, string>,
  path: string,
  args: readonly string[] = [],
): Promise<{ status: number; body: string; log: string }> {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-original-" });
  const port = freePort();
  try {
    await using program = await startProgram({
      port,
      dataDir,
      args,
      env: { ...env, ...atHome(port, dataDir) },
    });
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return {
      status: response.status,
      body: await response.text(),
      log: program.log(),
    };
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
}

Deno.test("a hold starts from the minimal example of the original's guide", async () => {
  const { status, body } = await start(
    await readEnvFile(new URL("hold.env", ORIGINAL)),
    "/.well-known/did.json",
  );
  assert.equal(status, 200);
  assert.equal(JSON.parse(body).id, "did:web:hold.example.com");
});

Deno.test("a registry starts from a file with every section of the original, and says what has no meaning", async () => {
  const file = new URL("registry.yaml", ORIGINAL).pathname;
  const { status, log } = await start({}, "/v2/", [
    "serve",
    "--config",
    file,
  ]);
  assert.equal(status, 401);
  for (const name of ["auth.key_path", "ui.database_path"]) {
    assert.equal(log.split(`${name} has no meaning here`).length, 2, name);
  }
});

Deno.test("the program starts from the environment of the original's first guide", async () => {
  const { status, log } = await start(
    await readEnvFile(new URL("first.env", ORIGINAL)),
    "/livez",
  );
  assert.equal(status, 200);
  assert.match(log, /HOLD_AUTO_REGISTER has no meaning here/);
});

Deno.test("the example files of a registry and of a hold start the program", async () => {
  const [registry, hold] = await Promise.all([
    readEnvFile(new URL("deploy/registry.env", ROOT)),
    readEnvFile(new URL("deploy/hold.env", ROOT)),
  ]);
  assert.equal((await start(registry, "/v2/")).status, 401);
  const { HOLD_OWNER, ...rest } = hold;
  // A handle is looked up in the network at the first start.
  assert.ok(HOLD_OWNER);
  assert.equal((await start(rest, "/.well-known/did.json")).status, 200);
});
