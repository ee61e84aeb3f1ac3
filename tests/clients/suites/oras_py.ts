/**
 * oras for Python, a library: `tests/clients/python/oras_client.py` gives it a
 * command line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { pythonPrograms } from "../../tools/python.ts";
import type { Station, Suite } from "../suite.ts";

const VERSION = "0.2.43";
const SCRIPT = new URL("../python/oras_client.py", import.meta.url).pathname;

export const orasPy: Suite = {
  name: "oras-py",
  programs: ["python3"],
  async version() {
    await pythonPrograms("oras", VERSION);
    return VERSION;
  },
  absent: { "multi-arch": "oras-py pushes single manifests only" },
  actions: {
    async login(t) {
      // oras-py does not read the login file `{}`.
      await Deno.writeTextFile(t.path("config.json"), '{"auths":{}}');
      await Deno.writeTextFile(t.path("hello.txt"), "hello\n");
      const env = { ATCR_PASSWORD: t.world.bob.appPassword };
      const wrong = orasPyRun(t, ["push", t.ref("file"), "hello.txt"], env);
      await assert.rejects(wrong, /Cannot respond to request for auth/);
    },
    async push(t) {
      await orasPyRun(t, ["push", t.ref("file"), "hello.txt"]);
      await t.pushed("file");
    },
    async "push again"(t) {
      await orasPyRun(t, ["push", t.ref("file"), "hello.txt"]);
    },
    async "push in chunks"(t) {
      await Deno.writeTextFile(t.path("long.txt"), "long\n".repeat(60_000));
      await orasPyRun(t, ["push-chunked", t.ref("long"), "long.txt"]);
      await orasPyRun(t, ["pull", t.ref("long"), "chunks"]);
      const text = await Deno.readTextFile(t.path("chunks", "long.txt"));
      assert.equal(text, "long\n".repeat(60_000));
    },
    async pull(t) {
      await orasPyRun(t, ["pull", t.ref("file"), "pulled"]);
      const text = await Deno.readTextFile(t.path("pulled", "hello.txt"));
      assert.equal(text, "hello\n");
    },
    async attach(t) {
      await orasPyRun(t, ["attach", t.ref("file"), "hello.txt"]);
      const found = await t.world.api.referrers(
        t.repo("file"),
        await t.pushed("file"),
      );
      assert.equal(found.length, 1);
    },
    async list(t) {
      const said = await orasPyRun(t, ["tags", t.ref("long")]);
      assert.equal(said, "1");
    },
    async delete(t) {
      const said = await orasPyRun(t, ["delete", t.ref("long")]);
      assert.equal(said, "1");
      const left = await t.world.api.digest(t.repo("long"), "1");
      assert.equal(left, undefined);
    },
  },
};

async function orasPyRun(
  t: Station,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const python = join(await pythonPrograms("oras", VERSION), "python3");
  const { handle, appPassword } = t.world.alice;
  return await t.run(python, [SCRIPT, ...args], {
    env: { ATCR_USER: handle, ATCR_PASSWORD: appPassword, ...env },
  });
}
