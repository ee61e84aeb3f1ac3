/**
 * flux: artifacts of Kubernetes manifests. Its module does not build by itself,
 * since its manifests are made by its repository: put the program of a release
 * on PATH.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CommandError } from "../../tools/command.ts";
import type { Station, Suite } from "../suite.ts";

const TEXT = "kind: ConfigMap\n";

export const flux: Suite = {
  name: "flux",
  programs: ["flux"],
  async version(t) {
    return await t.run("flux", ["version", "--client", "-o=json"]).then(
      (said) => JSON.parse(said).flux,
    );
  },
  absent: {
    delete: "flux has no command that deletes from a registry",
    "multi-arch": "artifacts have no platform",
  },
  actions: {
    async login(t) {
      const { alice, bob } = t.world;
      await Deno.mkdir(t.path("manifests"));
      await Deno.writeTextFile(t.path("manifests", "map.yaml"), TEXT);
      await t.writeLogin({ ...alice, appPassword: bob.appPassword });
      await assert.rejects(push(t), (error) => error instanceof CommandError);
      await t.writeLogin(alice);
    },
    async push(t) {
      await push(t);
      await t.pushed("app");
    },
    async pull(t) {
      const target = t.path("pulled");
      await Deno.mkdir(target);
      await artifact(t, ["pull", url(t, "app"), `--output=${target}`]);
      assert.equal(await Deno.readTextFile(`${target}/map.yaml`), TEXT);
    },
    async list(t) {
      const repo = url(t, "app").replace(/:1$/, "");
      const said = await t.run("flux", [
        ...["list", "artifacts", repo, "--insecure-registry"],
      ]);
      assert.match(said, /:1\s/);
    },
  },
};

async function push(t: Station): Promise<void> {
  await artifact(t, [
    ...["push", url(t, "app"), `--path=${t.path("manifests")}`],
    ...["--source=test", "--revision=1"],
  ]);
}

const url = (t: Station, name: string) => `oci://${t.ref(name)}`;

async function artifact(t: Station, args: readonly string[]): Promise<void> {
  const [action = "", ...rest] = args;
  await t.run("flux", [action, "artifact", ...rest, "--insecure-registry"]);
}
