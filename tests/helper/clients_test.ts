/**
 * The credential helper with real docker and podman: their requests, and the
 * messages of refusals.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  containersStorage,
  type Engine,
  removeEngineFolder,
  startEngine,
} from "../clients/engine.ts";
import { CommandError, run } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { TestBrowser } from "../support/auth_app.ts";
import { type HelperHome, installHelper } from "../support/helper.ts";
import { startServer, type TestServer } from "../support/server.ts";

/** Approves a device as an account does in its browser. */
async function approve(
  browser: TestBrowser,
  code: string,
  fields: Record<string, string> = {},
): Promise<void> {
  const csrf = await browser.csrf(`/device?code=${code}`);
  const response = await browser.post("/device", {
    csrf,
    code,
    days: "30",
    decision: "approve",
    ...fields,
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
}

async function signedIn(
  server: TestServer,
  handle: "alice" | "bob",
): Promise<TestBrowser> {
  const browser = new TestBrowser(
    server.origin,
    (request) => fetch(request, { redirect: "manual" }),
  );
  const account = { ...server[handle], password: `${handle}-password` };
  assert.equal((await browser.signIn(account)).status, 303);
  return browser;
}

/** The image `name`, of one small file, in docker. */
async function importImage(env: HelperHome["env"], name: string) {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "hello.txt"), `hello from ${name}\n`);
  const tar = join(folder, "image.tar");
  await run("tar", ["-C", folder, "-cf", tar, "hello.txt"]);
  await run("docker", ["import", tar, name], { env: { ...env } });
  await Deno.remove(folder, { recursive: true });
}

/** The error output of a failing program. */
async function complaint(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CommandError) {
      return error.output.stdout + error.output.stderr;
    }
    throw error;
  }
  throw new Error("it did not fail");
}

const docker = await findProgram("dockerd");
const podman = await findProgram("podman");

Deno.test({
  name:
    "docker uses the helper for everything, and the settings page takes effect",
  ignore: docker === undefined || Deno.uid() !== 0,
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "atcr-docker-" });
    let engine: Engine | undefined;
    try {
      engine = await startEngine(folder);
      await using server = await startServer();
      await using home = await installHelper(server.origin, {
        DOCKER_HOST: engine.address,
      });
      await dockerSteps(t, server, home);
    } finally {
      await engine?.stop();
      await removeEngineFolder(folder);
    }
  },
});

async function dockerSteps(
  t: Deno.TestContext,
  server: TestServer,
  home: HelperHome,
): Promise<void> {
  const { host } = server;
  const env = { ...home.env };
  const dockerRun = (...args: string[]) => run("docker", args, { env });
  const alice = await signedIn(server, "alice");
  const image = `${host}/alice.test/hello:1`;
  await importImage(env, image);

  await t.step("the helper knows its registry and its version", async () => {
    assert.match((await home.helper("version")).stdout, /^\d+\.\d+\.\d+\n$/);
    assert.match(
      await complaint(home.helper("status")),
      /Not logged in anywhere/,
    );
  });
  await t.step(
    "without a login a push is refused with a sentence",
    async () => {
      assert.match(
        await complaint(dockerRun("push", image)),
        /Log in as alice\.test to push/,
      );
    },
  );
  await t.step("configure-docker and login are all it takes", async () => {
    await home.helper("configure-docker");
    const { code, done } = await home.login();
    await approve(alice, code);
    assert.match((await done).stderr, /Logged in to .* as alice\.test/);
    await dockerRun("push", image);
  });
  await t.step("status shows it", async () => {
    const { stdout } = await home.helper("status");
    assert.match(
      stdout,
      /\* alice\.test: repository:\*:pull,push until .* \(in a file\)/,
    );
  });
  await t.step("the helper follows the protocol", async () => {
    const { stdout } = await home.helperWith(host, "get");
    const answer = JSON.parse(stdout);
    assert.equal(answer.ServerURL, host);
    assert.equal(answer.Username, "alice.test");
    assert.match(answer.Secret, /^atcr_device_/);
    const listed = await home.helperWith("unused", "list");
    assert.deepEqual(JSON.parse(listed.stdout), { [host]: "alice.test" });
    assert.equal(
      await complaint(home.helperWith("docker.io", "get")),
      "credentials not found in native keychain\n",
    );
  });
  await t.step("the image decides which account is used", async () => {
    const bob = await signedIn(server, "bob");
    const { code, done } = await home.login();
    await approve(bob, code);
    await done;
    const bobs = `${host}/bob.test/hello:1`;
    await importImage(env, bobs);
    await dockerRun("push", bobs);
    await dockerRun("push", image);
    await home.helper("switch");
    assert.match((await home.helper("status")).stdout, /\* alice\.test/);
    await home.helper("logout", host, "bob.test");
    assert.ok(!(await home.helper("status")).stdout.includes("bob.test"));
  });
  await t.step(
    "revoked in the settings, it is refused within a minute",
    async () => {
      const page = await (await alice.get("/settings/devices")).text();
      const id = /name="id" value="([0-9a-f]{16})"/.exec(page)?.[1] ?? "";
      const csrf = await alice.csrf();
      const revoked = await alice.post("/settings/devices/revoke", {
        csrf,
        id,
      });
      assert.equal(revoked.status, 303);
      const said = await complaint(dockerRun("push", image));
      assert.match(
        said,
        /device secret or access token is wrong, has expired or was revoked/,
      );
      assert.match((await home.helper("status")).stdout, /expired or revoked/);
    },
  );
  await t.step(
    "a device that may only pull gets an error that says so when it pushes",
    async () => {
      const { code, done } = await home.login("--read-only");
      await approve(alice, code);
      await done;
      await dockerRun("pull", image);
      assert.match(
        await complaint(dockerRun("push", image)),
        /not meant to push to alice\.test/,
      );
    },
  );
  await t.step("docker logout erases and revokes, twice is fine", async () => {
    const before = await home.helperWith(host, "get");
    const { Secret: secret } = JSON.parse(before.stdout);
    await dockerRun("logout", host);
    await dockerRun("logout", host);
    assert.match(
      await complaint(home.helperWith(host, "get")),
      /credentials not found/,
    );
    const response = await fetch(`${server.origin}/api/devices/self`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    await response.body?.cancel();
    assert.equal(response.status, 401);
  });
  await t.step(
    "docker login with an app password goes through the helper, which never sees it",
    async () => {
      await run("docker", [
        "login",
        host,
        ...["--username", "alice.test", "--password-stdin"],
      ], { env, input: server.alice.appPassword });
      const { stdout } = await home.helperWith(host, "get");
      const stored = JSON.parse(stdout);
      assert.equal(stored.Username, "<token>");
      assert.ok(!stdout.includes(server.alice.appPassword));
      await dockerRun("push", image);
    },
  );
  await t.step(
    "as store of all credentials it keeps those of other registries too",
    async () => {
      const config = join(home.folder, ".docker", "config.json");
      await Deno.writeTextFile(config, JSON.stringify({ credsStore: "atcr" }));
      await dockerRun("logout", host);
      await run("docker", [
        "login",
        host,
        ...["--username", "alice.test", "--password-stdin"],
      ], { env, input: server.alice.appPassword });
      const entry = {
        ServerURL: "https://index.docker.io/v1/",
        Username: "somebody",
        Secret: "else",
      };
      await home.helperWith(JSON.stringify(entry), "store");
      const { stdout } = await home.helperWith("unused", "list");
      assert.deepEqual(JSON.parse(stdout), {
        [host]: "<token>",
        [entry.ServerURL]: "somebody",
      });
      await dockerRun("push", image);
    },
  );
  await t.step(
    "an access token from the settings is a docker password",
    async () => {
      const csrf = await alice.csrf();
      const made = await alice.post("/settings/devices/tokens", {
        csrf,
        name: "ci",
        repositories: "hello",
        access: "push",
        days: "7",
      });
      const secret = /data-secret[^>]*>([^<]+)</.exec(await made.text())?.[1];
      await dockerRun("logout", host);
      const config = join(home.folder, ".docker", "config.json");
      await Deno.writeTextFile(config, "{}");
      await run("docker", [
        "login",
        host,
        ...["--username", "alice.test", "--password-stdin"],
      ], { env, input: secret ?? "" });
      await dockerRun("push", image);
      const other = `${host}/alice.test/other:1`;
      await importImage(env, other);
      assert.match(
        await complaint(dockerRun("push", other)),
        /not meant to push to alice\.test/,
      );
    },
  );
}

Deno.test({
  name: "podman uses the helper for everything",
  ignore: podman === undefined || Deno.uid() !== 0,
  fn: async (t) => {
    const folder = await Deno.makeTempDir({ prefix: "atcr-podman-" });
    try {
      await using server = await startServer();
      const authFile = join(folder, "auth.json");
      await using home = await installHelper(server.origin, {
        ...await containersStorage(folder),
        REGISTRY_AUTH_FILE: authFile,
      });
      const { host } = server;
      const helpers = { credHelpers: { [host]: "atcr" } };
      await Deno.writeTextFile(authFile, JSON.stringify(helpers));
      const env = { ...home.env };
      const podmanRun = (...args: string[]) => run("podman", args, { env });
      const alice = await signedIn(server, "alice");
      const image = `${host}/alice.test/pod:1`;
      const tar = join(folder, "image.tar");
      await run("tar", ["-C", "/etc", "-cf", tar, "hostname"]);
      await podmanRun("import", tar, image);

      await t.step("a push uses the login of the helper", async () => {
        const { code, done } = await home.login();
        await approve(alice, code);
        await done;
        await podmanRun("push", "--tls-verify=false", image);
        await podmanRun("pull", "--tls-verify=false", image);
      });
      await t.step("logout erases it", async () => {
        await podmanRun("logout", host);
        assert.match(
          await complaint(home.helperWith(host, "get")),
          /credentials not found/,
        );
        assert.match(
          await complaint(podmanRun("push", "--tls-verify=false", image)),
          /Log in as alice\.test to push|unauthorized|authentication required/,
        );
      });
      await t.step("podman login stores through the helper", async () => {
        await run("podman", [
          ...["login", "--tls-verify=false", host],
          ...["--username", "alice.test", "--password-stdin"],
        ], { env, input: server.alice.appPassword });
        const { stdout } = await home.helperWith(host, "get");
        assert.equal(JSON.parse(stdout).Username, "alice.test");
        await podmanRun("push", "--tls-verify=false", image);
      });
    } finally {
      await removeEngineFolder(folder);
    }
  },
});
