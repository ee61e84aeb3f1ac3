/**
 * python-dxf, which uses a registry as a store of blobs. It signs in by TLS
 * only.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { pythonPrograms } from "../../tools/python.ts";
import type { Station, Suite } from "../suite.ts";
import { startTlsFront } from "../tls_front.ts";

const VERSION = "12.1.1";

export const pythonDxf: Suite = {
  name: "python-dxf",
  programs: ["python3"],
  async version() {
    await pythonPrograms("python-dxf", VERSION);
    return VERSION;
  },
  absent: { "multi-arch": "python-dxf pushes single manifests only" },
  actions: {
    async login(t) {
      const token = await dxf(t, ["auth", t.repo("blobs"), "pull", "push"]);
      assert.match(token, /^[\w.-]+$/);
      const wrong = dxf(t, ["auth", t.repo("blobs"), "push"], {
        DXF_PASSWORD: t.world.bob.appPassword,
      });
      await assert.rejects(wrong);
    },
    async push(t) {
      await Deno.writeTextFile(t.path("long.txt"), "long\n".repeat(600_000));
      const digest = await dxf(t, [
        ...["push-blob", t.repo("blobs"), "./long.txt", "@1"],
      ]);
      assert.match(digest, /^sha256:/);
      await t.pushed("blobs");
    },
    async pull(t) {
      const text = await dxf(t, ["pull-blob", t.repo("blobs"), "@1"]);
      assert.equal(text, "long\n".repeat(600_000).trim());
      const size = await dxf(t, ["blob-size", t.repo("blobs"), "@1"]);
      assert.equal(size, "3000000");
    },
    async "mount-blob"(t) {
      const digest = await dxf(t, ["get-alias", t.repo("blobs"), "1"]);
      const args = ["mount-blob", t.repo("mounted"), t.repo("blobs"), digest];
      assert.equal(await dxf(t, [...args, "@1"]), digest);
      await t.pushed("mounted");
    },
    async list(t) {
      assert.equal(await dxf(t, ["list-aliases", t.repo("blobs")]), "1");
    },
    async "list-repos"(t) {
      const said = await dxf(t, ["list-repos"]);
      assert.ok(said.split("\n").includes(t.repo("blobs")), said);
    },
    async delete(t) {
      await dxf(t, ["del-alias", t.repo("mounted"), "1"]);
      const left = await t.world.api.digest(t.repo("mounted"), "1");
      assert.equal(left, undefined);
    },
  },
};

async function dxf(
  t: Station,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const folder = await pythonPrograms("python-dxf", VERSION);
  const { handle, appPassword } = t.world.alice;
  using front = await startTlsFront(t.world.host, t.folder);
  return await t.run(join(folder, "dxf"), args, {
    env: {
      DXF_HOST: front.host,
      DXF_TLSVERIFY: front.certificate,
      DXF_USERNAME: handle,
      DXF_PASSWORD: appPassword,
      ...env,
    },
  });
}
