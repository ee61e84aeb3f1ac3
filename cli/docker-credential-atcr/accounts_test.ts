import assert from "node:assert/strict";
import { join } from "node:path";
import { configFolder } from "./config_folder.ts";
import { runHelper } from "./commands.ts";
import { Failure } from "./failure.ts";
import { type TestMachine, testMachine } from "./testing.ts";
import { get, login } from "./testing_registry.ts";

Deno.test("the file is readable by its owner only", async () => {
  await using machine = await testMachine();
  await login(machine);
  const folder = configFolder(machine);
  const { mode } = await Deno.stat(join(folder, "accounts.json"));
  assert.equal((mode ?? 0) & 0o777, 0o600);
  assert.equal(((await Deno.stat(folder)).mode ?? 0) & 0o777, 0o700);
});

Deno.test("a working keychain stores the secret, and the file does not contain it", async () => {
  await using machine = await testMachine();
  machine.keychains.set("pass", new Map());
  await login(machine);
  const file = join(configFolder(machine), "accounts.json");
  assert.ok(!(await Deno.readTextFile(file)).includes("atcr_device_"));
  assert.equal((await get(machine)).Secret, "atcr_device_alice.test");
  await runHelper(["logout"], machine);
  assert.equal(machine.keychains.get("pass")?.size, 0);
});

Deno.test("the secret service is used only with a message bus", async () => {
  const address = "unix:path=/run/user/1000/bus";
  for (const env of [{}, { DBUS_SESSION_BUS_ADDRESS: address }]) {
    await using machine = await testMachine({ env });
    machine.keychains.set("secretservice", new Map());
    await login(machine);
    const kept = machine.keychains.get("secretservice")?.size;
    assert.equal(kept, "DBUS_SESSION_BUS_ADDRESS" in env ? 1 : 0);
  }
});

Deno.test("a configured keychain that does not work is an error", async () => {
  await using machine = await testMachine({ env: { ATCR_KEYCHAIN: "pass" } });
  await assert.rejects(login(machine), Failure);
});

Deno.test("the file is in the configuration folder of each platform", () => {
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

Deno.test("a damaged file is reported, not overwritten", async () => {
  await using machine = await testMachine();
  await login(machine);
  const file = join(configFolder(machine), "accounts.json");
  await Deno.writeTextFile(file, "{");
  await assert.rejects(get(machine), /accounts\.json is damaged/);
  await assert.rejects(login(machine), /is damaged/);
  assert.equal(await Deno.readTextFile(file), "{");
});

Deno.test("helpers that run concurrently lose no account", async () => {
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
