/**
 * The program on the oldest Deno that it supports, which comes from npm; the
 * private network beside it runs on the Deno of the test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { Consumer, pullImages, pushImages } from "../drills/drill.ts";
import { avatarBytes, connectDevice, signIn } from "../drills/people.ts";
import { fixture } from "../support/images.ts";
import { setAvatar } from "../support/profile.ts";
import { type Program, startProgram } from "../support/program.ts";
import { expect, Repository } from "../support/registry.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { run } from "../tools/command.ts";
import { ROOT, TOOLS_DIR } from "../tools/paths.ts";
import { freePort } from "../tools/ports.ts";

/** The oldest version that `cli/start/oldest_deno.ts` accepts. */
const OLDEST_DENO = "2.5.0";

/** The last version before it. */
const OLDER_DENO = "2.4.4";

/** Installs a version of Deno from npm and returns the path of the program. */
async function installDeno(version: string): Promise<string> {
  const folder = join(TOOLS_DIR, `deno-${version}`);
  await run("npm", [
    "install",
    "--no-save",
    "--no-package-lock",
    "--prefix",
    folder,
    `deno@${version}`,
  ]);
  const { stdout } = await run(join(folder, "node_modules/.bin/deno"), [
    "--version",
  ]);
  assert.ok(stdout.startsWith(`deno ${version} `), stdout);
  // That script has now put the program here. It passes no signals on itself.
  return join(folder, "node_modules/deno/deno");
}

/** Settings of the package cache, which another version would not understand. */
const CACHE = {
  DENO_DIR: join(TOOLS_DIR, "deno-oldest-cache"),
  DENO_TLS_CA_STORE: "system,mozilla",
};

async function start(
  deno: string,
  sandbox: TestSandbox,
): Promise<Program> {
  return await startProgram({
    port: freePort(),
    env: {
      ATCR_SANDBOX_ENABLED: "true",
      ATCR_SANDBOX_START: "false",
      ATCR_SANDBOX_PDS_PORT: new URL(sandbox.pds).port,
      ATCR_SANDBOX_PLC_PORT: new URL(sandbox.plc).port,
      ...CACHE,
      ATCR_HOLD_OWNER: sandbox.alice.did,
    },
    runner: [deno, "run", "-A", "--no-prompt"],
  });
}

Deno.test(`Deno ${OLDER_DENO} is refused with one sentence`, async () => {
  const deno = await installDeno(OLDER_DENO);
  const { code, stderr } = await new Deno.Command(deno, {
    args: ["run", "-A", "--quiet", "main.ts", "version"],
    cwd: ROOT,
    env: CACHE,
  }).output();
  const said = new TextDecoder().decode(stderr);
  assert.equal(code, 1, said);
  assert.match(
    said,
    /^This is Deno [^\n]+ needs Deno [^\n]+ or newer\.[^\n]+\n$/,
  );
});

Deno.test(`everything works on Deno ${OLDEST_DENO}`, async (t) => {
  const deno = await installDeno(OLDEST_DENO);
  await using sandbox = await startTestSandbox();
  await using program = await start(deno, sandbox);
  const { alice } = sandbox;
  const server = { origin: program.origin, alice };

  await t.step("images are pushed and pulled", async () => {
    const images = await pushImages(server, "old", 3);
    assert.equal(await pullImages(server, images), 6);
  });
  await t.step("a consumer follows the hold", async () => {
    const consumer = new Consumer(program.origin, 0);
    await consumer.sees("#commit");
    consumer.close();
  });
  await t.step(
    "people sign in with a password and connect a device",
    async () => {
      const browser = await signIn(program.origin, alice);
      const device = await connectDevice(program.origin, browser, alice);
      const repository = new Repository(program, device, "alice.test/app");
      expect(await repository.send("GET", "manifests/old0"), 200);
    },
  );
  await t.step("pictures are rendered on sealed threads", async () => {
    await setAvatar(sandbox, alice, fixture("jpeg/photo-256.jpg"));
    assert.ok(await avatarBytes(program.origin, alice.handle, 96) > 500);
    assert.ok(!program.log().includes("main thread"), program.log());
  });
});
