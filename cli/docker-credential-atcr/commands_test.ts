import assert from "node:assert/strict";
import { runHelper } from "./commands.ts";
import { Failure } from "./failure.ts";
import { testMachine } from "./testing.ts";
import { get, HOST, login } from "./testing_registry.ts";

Deno.test("switch selects the other of two accounts, and prompts among more", async () => {
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

Deno.test("switch among many does not prompt without a terminal", async () => {
  await using machine = await testMachine();
  for (const name of ["alice", "bob", "carol"]) {
    await login(machine, `${name}.test`);
  }
  await assert.rejects(runHelper(["switch"], machine), /Name the account/);
});

Deno.test("logout revokes one account and keeps the other", async () => {
  await using machine = await testMachine();
  await login(machine, "alice.test");
  const { revoked } = await login(machine, "bob.test");
  await runHelper(["logout", "bob.test"], machine);
  assert.deepEqual(revoked, ["atcr_device_bob.test"]);
  assert.equal((await get(machine)).Username, "alice.test");
});

Deno.test("logout reports when the registry could not be reached", async () => {
  await using machine = await testMachine();
  await login(machine);
  machine.respond = () => Promise.reject(new TypeError("away"));
  await runHelper(["logout"], machine);
  assert.match(machine.said.at(-1) ?? "", /Revoke the device in your settings/);
  await assert.rejects(get(machine), Failure);
});

Deno.test("status shows the permissions of each account, and which is active", async () => {
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

Deno.test("unknown commands and options print the usage", async () => {
  await using machine = await testMachine();
  await assert.rejects(runHelper(["fly"], machine), /no command fly/);
  await assert.rejects(runHelper(["login", "--fly"], machine), /--fly/);
  assert.equal(await runHelper(["--help"], machine), 0);
  assert.equal(await runHelper(["version"], machine), 0);
  assert.equal(machine.printed.at(-1), "development");
});
