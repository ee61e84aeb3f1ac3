import assert from "node:assert/strict";
import { join } from "node:path";
import { runHelper } from "./commands.ts";
import { testMachine } from "./testing.ts";
import { HOST } from "./testing_registry.ts";

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

Deno.test("configure-docker does not change a malformed file and follows a link", async () => {
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
