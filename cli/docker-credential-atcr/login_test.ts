import assert from "node:assert/strict";
import { runHelper } from "./commands.ts";
import { Failure } from "./failure.ts";
import { testMachine } from "./testing.ts";
import { approving, get, HOST, login } from "./testing_registry.ts";

Deno.test("login shows the URL and the code, and stores the secret once it is approved", async () => {
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

Deno.test("a browser is opened only at a terminal, and only for web pages", async () => {
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

Deno.test("a second login of an account revokes the first one", async () => {
  await using machine = await testMachine();
  await login(machine);
  const { revoked } = await login(machine);
  assert.deepEqual(revoked, ["atcr_device_alice.test"]);
  assert.equal((await get(machine)).Username, "alice.test");
});

Deno.test("login --print prints the secret and stores nothing", async () => {
  await using machine = await testMachine();
  approving(machine);
  await runHelper(
    ["login", HOST, "--print", "--name", "ci", "--read-only"],
    machine,
  );
  assert.deepEqual(machine.printed, ["atcr_device_alice.test"]);
  await assert.rejects(get(machine), Failure);
});

Deno.test("login requests what the options specify", async () => {
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

Deno.test("a login that is refused, expires or reaches another kind of server ends with a sentence", async () => {
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

Deno.test("an incomplete response is refused", async () => {
  await using machine = await testMachine();
  const without = (path: string, name: string, value?: unknown) => {
    approving(machine);
    const { respond } = machine;
    machine.respond = async (url, init) => {
      const response = await respond(url, init);
      if (url.pathname !== path || !response.ok) return response;
      return Response.json({ ...await response.json(), [name]: value });
    };
    return runHelper(["login", HOST], machine);
  };
  const code = "/auth/device/code";
  await assert.rejects(without(code, "expires_in"), /ATCR registry/);
  await assert.rejects(without(code, "interval", -1), /ATCR registry/);
  await assert.rejects(without(code, "user_code", {}), /ATCR registry/);
  const token = "/auth/device/token";
  await assert.rejects(without(token, "access_token"), /did not work/);
});

Deno.test("a registry that returns slow_down is polled less often", async () => {
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
