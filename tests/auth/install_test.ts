/** Installation of the credential helper from the registry, in the ways described on its page. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { startAuthApp } from "../support/auth_app.ts";
import { CommandError, run } from "../tools/command.ts";

/** A registry without a network: no sign-ins here. */
async function serve() {
  const app = await startAuthApp({
    pds: "http://localhost:1",
    plc: "http://localhost:2",
  });
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => app.fetch(request),
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: async () => {
      await server.shutdown();
      await app[Symbol.asyncDispose]();
    },
  };
}

Deno.test("the helper is available by script, by deno install and as a file", async (t) => {
  await using registry = await serve();
  const home = await Deno.makeTempDir({ prefix: "atcr-install-" });
  const file = `${registry.origin}/install/docker-credential-atcr.js`;
  const version = /^\d+\.\d+\.\d+\n$/;

  await t.step("the page names them", async () => {
    const page = await (await fetch(`${registry.origin}/install`)).text();
    assert.ok(page.includes(`curl -fsSL ${registry.origin}/install.sh | sh`));
    assert.ok(page.includes(`deno install -g`));
    assert.ok(page.includes(`deno compile`));
  });
  await t.step("the script installs it for the current user", async () => {
    const script = await (await fetch(`${registry.origin}/install.sh`)).text();
    const folder = join(home, "bin");
    const env = { HOME: home, ATCR_INSTALL_DIR: folder };
    const { stdout } = await run("sh", [], { input: script, env });
    assert.match(stdout, /Add .* to your PATH/);
    const program = join(folder, "docker-credential-atcr");
    assert.match((await run(program, ["version"], { env })).stdout, version);
  });
  await t.step("half a script does nothing", async () => {
    const script = await (await fetch(`${registry.origin}/install.sh`)).text();
    const half = script.slice(0, script.indexOf("mv "));
    const env = { HOME: home, ATCR_INSTALL_DIR: join(home, "half") };
    await run("sh", [], { input: half, env }).catch(() => {});
    await assert.rejects(Deno.stat(join(home, "half")));
  });
  await t.step("without Deno it reports what is missing", async () => {
    const script = await (await fetch(`${registry.origin}/install.sh`)).text();
    const env = { HOME: home, PATH: join(home, "nothing") };
    await assert.rejects(
      run("/bin/sh", [], { input: script, env }),
      (e) => e instanceof CommandError && /Deno 2/.test(e.output.stderr),
    );
  });
  await t.step("deno install accepts the URL", async () => {
    const root = join(home, "root");
    await run(Deno.execPath(), [
      ...["install", "--global", "--allow-all", "--root", root],
      ...["--name", "docker-credential-atcr", file],
    ], { env: { DENO_DIR: join(home, "cache") } });
    const program = join(root, "bin", "docker-credential-atcr");
    const { stdout } = await run(program, ["version"], {
      env: { DENO_DIR: join(home, "cache") },
    });
    assert.match(stdout, version);
  });
  await t.step("it knows the registry that it came from", async () => {
    const code = await (await fetch(file)).text();
    assert.match(code, /^#!\/usr\/bin\/env -S deno run /);
    assert.ok(code.includes('"http://localhost:5000"'));
    assert.ok(!code.includes("__ATCR_HELPER"));
    // Only modules of the platform.
    const imports = [...code.matchAll(/from "([^"]+)"/g)].map(([, name]) =>
      name
    );
    assert.ok(imports.length > 5);
    assert.ok(imports.every((name) => name?.startsWith("node:")));
  });
  await Deno.remove(home, { recursive: true });
});
