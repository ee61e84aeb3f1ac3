import assert from "node:assert/strict";
import { join } from "node:path";
import { configFolder } from "./accounts.ts";
import { runHelper } from "./commands.ts";
import { Failure } from "./failure.ts";
import { type TestMachine, testMachine } from "./testing.ts";

const HOST = "registry.example.com";

/** A registry that approves the third question. */
function approving(machine: TestMachine, handle = "alice.test") {
  const revoked: string[] = [];
  let polls = 0;
  machine.respond = (url, init) => {
    const bearer = new Headers(init.headers).get("authorization") ?? "";
    const secret = bearer.replace("Bearer ", "");
    switch (`${init.method ?? "GET"} ${url.pathname}`) {
      case "POST /auth/device/code":
        return Response.json({
          device_code: "code",
          user_code: "BCDF-GHJK",
          verification_uri: `https://${HOST}/device`,
          verification_uri_complete: `https://${HOST}/device?code=BCDF-GHJK`,
          expires_in: 600,
          interval: 5,
        });
      case "POST /auth/device/token":
        polls++;
        return polls % 3 !== 0
          ? Response.json({ error: "authorization_pending" }, { status: 400 })
          : Response.json({
            access_token: `atcr_device_${handle}`,
            did: `did:plc:${handle.split(".")[0]}`,
            handle,
            scope: "repository:*:pull,push",
            expires_in: 86_400,
          });
      case "GET /api/devices/self":
        return revoked.includes(secret)
          ? Response.json({}, { status: 401 })
          : Response.json({
            name: "docker on laptop",
            scope: "repository:*:pull,push",
            expires_at: "2026-01-02T00:00:00.000Z",
          });
      case "DELETE /api/devices/self":
        revoked.push(secret);
        return new Response(null, { status: 204 });
      default:
        return new Response(null, { status: 404 });
    }
  };
  return { revoked };
}

async function login(machine: TestMachine, handle = "alice.test") {
  const registry = approving(machine, handle);
  await runHelper(["login", HOST], machine);
  return registry;
}

async function get(machine: TestMachine, server = HOST) {
  machine.stdin = server;
  machine.printed.length = 0;
  await runHelper(["get"], machine);
  return JSON.parse(machine.printed[0] ?? "");
}

Deno.test("login shows the address and the code, and keeps the secret once it is approved", async () => {
  await using machine = await testMachine();
  await login(machine);
  assert.match(machine.said.join("\n"), /device\?code=BCDF-GHJK/);
  assert.match(machine.said.join("\n"), /Logged in .* as alice\.test/);
  assert.deepEqual(machine.started, []);
  assert.deepEqual(await get(machine), {
    ServerURL: HOST,
    Username: "alice.test",
    Secret: "atcr_device_alice.test",
  });
});

Deno.test("a browser is opened for somebody at a terminal, and only for web pages", async () => {
  await using machine = await testMachine({
    platform: "darwin",
    interactive: true,
  });
  await login(machine);
  assert.deepEqual(machine.started, [
    `open https://${HOST}/device?code=BCDF-GHJK`,
  ]);
  const respond = machine.respond;
  machine.respond = async (url, init) => {
    const response = await respond(url, init);
    if (url.pathname !== "/auth/device/code") return response;
    const body = await response.json();
    const bad = { ...body, verification_uri_complete: "file:///etc/passwd" };
    return Response.json(bad);
  };
  await runHelper(["login", HOST], machine);
  assert.equal(machine.started[1], `open https://${HOST}/device`);
});

Deno.test("the file is for its owner alone", async () => {
  await using machine = await testMachine();
  await login(machine);
  const folder = configFolder(machine);
  const { mode } = await Deno.stat(join(folder, "accounts.json"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
  assert.equal(((await Deno.stat(folder)).mode ?? 0) & 0o777, 0o700);
});

Deno.test("a keychain takes the secret where one answers, and the file has it not", async () => {
  await using machine = await testMachine();
  machine.keychains.set("pass", new Map());
  await login(machine);
  const file = join(configFolder(machine), "accounts.json");
  assert.ok(!(await Deno.readTextFile(file)).includes("atcr_device_"));
  assert.equal((await get(machine)).Secret, "atcr_device_alice.test");
  await runHelper(["logout"], machine);
  assert.equal(machine.keychains.get("pass")?.size, 0);
});

Deno.test("the secret service is asked only where there is a message bus", async () => {
  const address = "unix:path=/run/user/1000/bus";
  for (const env of [{}, { DBUS_SESSION_BUS_ADDRESS: address }]) {
    await using machine = await testMachine({ env });
    machine.keychains.set("secretservice", new Map());
    await login(machine);
    const kept = machine.keychains.get("secretservice")?.size;
    assert.equal(kept, "DBUS_SESSION_BUS_ADDRESS" in env ? 1 : 0);
  }
});

Deno.test("a keychain that was asked for and does not answer is an error", async () => {
  await using machine = await testMachine({ env: { ATCR_KEYCHAIN: "pass" } });
  await assert.rejects(login(machine), Failure);
});

Deno.test("what is not known is told in the words that let clients go on", async () => {
  await using machine = await testMachine();
  await assert.rejects(
    get(machine, "docker.io"),
    (e) =>
      e instanceof Failure && e.forClient &&
      e.message === "credentials not found in native keychain",
  );
});

Deno.test("what a client stores comes back, tokens with angle brackets too", async () => {
  await using machine = await testMachine();
  machine.stdin = '{"ServerURL":"https://index.docker.io/v1/",' +
    '"Username":"\\u003ctoken\\u003e","Secret":"refresh-123"}';
  await runHelper(["store"], machine);
  const server = "https://index.docker.io/v1/";
  assert.deepEqual(await get(machine, server), {
    ServerURL: server,
    Username: "<token>",
    Secret: "refresh-123",
  });
  machine.stdin = "unused";
  machine.printed.length = 0;
  await runHelper(["list"], machine);
  assert.deepEqual(JSON.parse(machine.printed[0] ?? ""), {
    [server]: "<token>",
  });
});

Deno.test("erase forgets the server and revokes its device, and may be called again", async () => {
  await using machine = await testMachine();
  const { revoked } = await login(machine);
  machine.stdin = HOST;
  await runHelper(["erase"], machine);
  await runHelper(["erase"], machine);
  assert.deepEqual(revoked, ["atcr_device_alice.test"]);
  await assert.rejects(get(machine), Failure);
});

Deno.test("erase works while the registry is away", async () => {
  await using machine = await testMachine();
  await login(machine);
  machine.respond = () => Promise.reject(new TypeError("away"));
  machine.stdin = HOST;
  await runHelper(["erase"], machine);
  await assert.rejects(get(machine), Failure);
});

Deno.test("the owner of the image decides between accounts", async () => {
  await using machine = await testMachine();
  await login(machine, "alice.test");
  await login(machine, "bob.test");
  const nameFor = async (...caller: string[]) => {
    machine.caller = caller;
    return (await get(machine)).Username;
  };
  const alice = "alice.test";
  const bob = "bob.test";
  assert.equal(
    await nameFor("docker", "push", `${HOST}/alice.test/app`),
    alice,
  );
  assert.equal(await nameFor("docker", "push", `${HOST}/bob.test/app`), bob);
  assert.equal(
    await nameFor("docker", "build", `--tag=${HOST}/alice.test/app:1`, "."),
    alice,
  );
  assert.equal(
    await nameFor("podman", "push", "x", `docker://${HOST}/alice.test/app`),
    alice,
  );
  assert.equal(
    await nameFor("docker", "push", `${HOST}/did-plc-alice/app`),
    alice,
  );
  // The active account, bob's, where nothing or too much is said.
  assert.equal(await nameFor("docker", "compose", "push"), bob);
  assert.equal(await nameFor("docker", "push", `${HOST}/carol.test/app`), bob);
  assert.equal(
    await nameFor("x", `${HOST}/alice.test/a`, `${HOST}/bob.test/b`),
    bob,
  );
  assert.equal(
    await nameFor("docker", "push", `evil${HOST}/alice.test/app`),
    bob,
  );
  machine.caller = undefined;
  assert.equal((await get(machine)).Username, bob);
});

Deno.test("switch goes to the other of two accounts, and asks among more", async () => {
  await using machine = await testMachine({ interactive: true });
  await login(machine, "alice.test");
  await assert.rejects(runHelper(["switch"], machine), /only one account/);
  await login(machine, "bob.test");
  await runHelper(["switch"], machine);
  assert.equal((await get(machine)).Username, "alice.test");
  await runHelper(["switch"], machine);
  assert.equal((await get(machine)).Username, "bob.test");
  await login(machine, "carol.test");
  machine.answers.push("1");
  await runHelper(["switch"], machine);
  assert.equal((await get(machine)).Username, "alice.test");
  await runHelper(["switch", HOST, "carol.test"], machine);
  assert.equal((await get(machine)).Username, "carol.test");
  await assert.rejects(runHelper(["switch", "dave.test"], machine), Failure);
});

Deno.test("switch among many asks nobody where nobody sits", async () => {
  await using machine = await testMachine();
  for (const name of ["alice", "bob", "carol"]) {
    await login(machine, `${name}.test`);
  }
  await assert.rejects(runHelper(["switch"], machine), /Name the account/);
});

Deno.test("logout revokes one account and leaves the other in use", async () => {
  await using machine = await testMachine();
  await login(machine, "alice.test");
  const { revoked } = await login(machine, "bob.test");
  await runHelper(["logout", "bob.test"], machine);
  assert.deepEqual(revoked, ["atcr_device_bob.test"]);
  assert.equal((await get(machine)).Username, "alice.test");
});

Deno.test("logout tells when the registry could not be told", async () => {
  await using machine = await testMachine();
  await login(machine);
  machine.respond = () => Promise.reject(new TypeError("away"));
  await runHelper(["logout"], machine);
  assert.match(machine.said.at(-1) ?? "", /Revoke the device in your settings/);
  await assert.rejects(get(machine), Failure);
});

Deno.test("status tells what each account may do, and which is in use", async () => {
  await using machine = await testMachine();
  assert.equal(await runHelper(["status"], machine), 1);
  await login(machine, "alice.test");
  const { revoked } = await login(machine, "bob.test");
  revoked.push("atcr_device_alice.test");
  machine.printed.length = 0;
  assert.equal(await runHelper(["status"], machine), 0);
  assert.deepEqual(machine.printed, [
    HOST,
    "  alice.test: expired or revoked; log in again",
    "* bob.test: repository:*:pull,push until 2026-01-02, as “docker on laptop” (in a file)",
  ]);
});

Deno.test("a second login of an account revokes the first one", async () => {
  await using machine = await testMachine();
  await login(machine);
  const { revoked } = await login(machine);
  assert.deepEqual(revoked, ["atcr_device_alice.test"]);
  assert.equal((await get(machine)).Username, "alice.test");
});

Deno.test("login --print gives the secret to the caller and keeps nothing", async () => {
  await using machine = await testMachine();
  approving(machine);
  await runHelper(
    ["login", HOST, "--print", "--name", "ci", "--read-only"],
    machine,
  );
  assert.deepEqual(machine.printed, ["atcr_device_alice.test"]);
  await assert.rejects(get(machine), Failure);
});

Deno.test("login asks for what the options say", async () => {
  await using machine = await testMachine();
  approving(machine);
  const { respond } = machine;
  const asked: string[] = [];
  machine.respond = (url, init) => {
    if (url.pathname === "/auth/device/code") {
      const form = new URLSearchParams(init.body as URLSearchParams);
      asked.push(`${form.get("client_name")} ${form.get("scope")}`);
    }
    return respond(url, init);
  };
  await runHelper(["login", HOST], machine);
  await runHelper(["login", HOST, "--read-only", "--name", "ci"], machine);
  await runHelper(
    ["login", HOST, "--scope", "repository:app:pull,push,delete"],
    machine,
  );
  assert.deepEqual(asked, [
    "docker on laptop repository:*:pull,push",
    "ci repository:*:pull",
    "docker on laptop repository:app:pull,push,delete",
  ]);
});

Deno.test("a login that is refused, expires or meets another server ends with a sentence", async () => {
  await using machine = await testMachine();
  const answer = (error: string, description: string) => {
    approving(machine);
    const { respond } = machine;
    machine.respond = (url, init) =>
      url.pathname === "/auth/device/token"
        ? Response.json({ error, error_description: description }, {
          status: 400,
        })
        : respond(url, init);
    return runHelper(["login", HOST], machine);
  };
  await assert.rejects(answer("access_denied", "It was denied."), /denied/);
  await assert.rejects(answer("authorization_pending", ""), /in time/);
  machine.respond = () => new Response("<h1>hello</h1>");
  await assert.rejects(runHelper(["login", HOST], machine), /ATCR registry/);
  machine.respond = () => Promise.reject(new TypeError("no route"));
  await assert.rejects(runHelper(["login", HOST], machine), /no route/);
});

Deno.test("a registry that says slow down is asked more seldom", async () => {
  await using machine = await testMachine();
  approving(machine);
  const { respond } = machine;
  const times: number[] = [];
  machine.respond = (url, init) => {
    if (url.pathname !== "/auth/device/token") return respond(url, init);
    times.push(machine.time);
    return times.length < 3
      ? Response.json({ error: "slow_down" }, { status: 400 })
      : Response.json({ error: "access_denied" }, { status: 400 });
  };
  await assert.rejects(runHelper(["login", HOST], machine));
  const [first = 0, second = 0, third = 0] = times;
  assert.deepEqual([second - first, third - second], [10_000, 15_000]);
});

Deno.test("configure-docker adds one line and keeps the rest", async () => {
  await using machine = await testMachine();
  const file = join(machine.home, ".docker", "config.json");
  await runHelper(["configure-docker", HOST], machine);
  assert.deepEqual(JSON.parse(await Deno.readTextFile(file)), {
    credHelpers: { [HOST]: "atcr" },
  });
  const before = '{\n    "auths": {"x": {}},\n    "credsStore": "pass",\n' +
    '    "credHelpers": {"gcr.io": "gcloud"}\n}';
  await Deno.writeTextFile(file, before);
  await runHelper(["configure-docker", HOST], machine);
  const after = await Deno.readTextFile(file);
  assert.deepEqual(JSON.parse(after), {
    auths: { x: {} },
    credsStore: "pass",
    credHelpers: { "gcr.io": "gcloud", [HOST]: "atcr" },
  });
  assert.match(after, /^\{\n {4}"auths"/);
  await runHelper(["configure-docker", HOST], machine);
  assert.match(machine.said.at(-1) ?? "", /already/);
});

Deno.test("configure-docker leaves a broken file alone and goes through a link", async () => {
  await using machine = await testMachine();
  const file = join(machine.home, ".docker", "config.json");
  await Deno.mkdir(join(machine.home, ".docker"));
  await Deno.writeTextFile(file, "{ broken");
  await assert.rejects(
    runHelper(["configure-docker", HOST], machine),
    /is not JSON/,
  );
  assert.equal(await Deno.readTextFile(file), "{ broken");
  const target = join(machine.home, "dotfiles.json");
  await Deno.writeTextFile(target, "{}");
  await Deno.remove(file);
  await Deno.symlink(target, file);
  await runHelper(["configure-docker", HOST], machine);
  assert.match(await Deno.readTextFile(target), /"atcr"/);
});

Deno.test("each platform has the file where it keeps such files", () => {
  const base = { home: "/home/a", env: {} };
  const folder = (platform: string, env: Record<string, string> = {}) =>
    configFolder(
      { ...base, platform, env } as unknown as TestMachine,
    );
  assert.equal(folder("linux"), "/home/a/.config/atcr");
  assert.equal(folder("linux", { XDG_CONFIG_HOME: "/x" }), "/x/atcr");
  assert.equal(
    folder("darwin"),
    "/home/a/Library/Application Support/atcr",
  );
  assert.match(folder("win32", { APPDATA: "C:\\R" }), /^C:\\R.atcr$/);
});

Deno.test("a damaged file is named, not overwritten", async () => {
  await using machine = await testMachine();
  await login(machine);
  const file = join(configFolder(machine), "accounts.json");
  await Deno.writeTextFile(file, "{");
  await assert.rejects(get(machine), /accounts\.json is damaged/);
  await assert.rejects(login(machine), /is damaged/);
  assert.equal(await Deno.readTextFile(file), "{");
});

Deno.test("helpers that run at the same time lose no account", async () => {
  await using machine = await testMachine();
  const sleep = (ms: number) => new Promise<void>((r) => setTimeout(r, ms));
  const names = Array.from({ length: 8 }, (_, at) => `host${at}.example`);
  await Promise.all(names.map((ServerURL) => {
    const entry = { ServerURL, Username: "alice", Secret: "s" };
    const own = {
      ...machine,
      input: () => Promise.resolve(JSON.stringify(entry)),
      sleep,
    };
    return runHelper(["store"], own);
  }));
  await runHelper(["list"], machine);
  const listed = Object.keys(JSON.parse(machine.printed[0] ?? ""));
  assert.deepEqual(listed.sort(), names);
});

Deno.test("unknown commands and options explain themselves", async () => {
  await using machine = await testMachine();
  await assert.rejects(runHelper(["fly"], machine), /no command fly/);
  await assert.rejects(runHelper(["login", "--fly"], machine), /--fly/);
  assert.equal(await runHelper(["--help"], machine), 0);
  assert.equal(await runHelper(["version"], machine), 0);
  assert.equal(machine.printed.at(-1), "development");
});
