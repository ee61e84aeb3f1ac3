import assert from "node:assert/strict";
import { systemMachine } from "./machine.ts";

Deno.test("a missing program is reported at once", async () => {
  const { run } = systemMachine();
  const missing = await run("docker-credential-there-is-none", ["list"], "x");
  assert.equal(missing.code, undefined);
});

Deno.test("a program's input, output and exit code are passed on", async () => {
  const { run } = systemMachine();
  const code = 'process.stdin.on("data", (d) => { ' +
    "process.stdout.write(`got ${d}`); process.exitCode = 3; })";
  const ran = await run(Deno.execPath(), ["eval", code], "hello");
  assert.deepEqual(ran, { code: 3, stdout: "got hello" });
});

Deno.test("the command line of the caller is known if the platform provides it", async () => {
  const args = await systemMachine().callerArgs();
  assert.ok(Deno.build.os === "windows" ? args === undefined : args?.length);
});
