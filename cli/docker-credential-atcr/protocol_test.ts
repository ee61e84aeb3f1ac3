import assert from "node:assert/strict";
import { runHelper } from "./commands.ts";
import { Failure } from "./failure.ts";
import { testMachine } from "./testing.ts";
import { get, HOST, login } from "./testing_registry.ts";

Deno.test("an unknown server gets the response that lets clients continue", async () => {
  await using machine = await testMachine();
  await assert.rejects(
    get(machine, "docker.io"),
    (e) =>
      e instanceof Failure && e.forClient &&
      e.message === "credentials not found in native keychain",
  );
});

Deno.test("credentials stored by a client are returned, including token user names", async () => {
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

Deno.test("erase works while the registry is unreachable", async () => {
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
  // The active account, bob's, if no owner or several owners are named.
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
