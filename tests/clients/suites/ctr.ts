/**
 * ctr, the command line of containerd; it works in the containerd of the docker
 * engine.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Station, Suite } from "../suite.ts";

export const ctr: Suite = {
  name: "ctr",
  programs: ["ctr", "dockerd", "tar"],
  engine: true,
  async version(t) {
    const said = await t.run("ctr", ["--version"]);
    return said.split(" ").at(-1) ?? said;
  },
  absent: {
    list: "ctr has no command that lists tags",
    delete: "ctr has no command that deletes from a registry",
  },
  actions: {
    async login(t) {
      // There is no login: each command gets the credentials.
      const { alice, bob } = t.world;
      await importImage(t, "tiny");
      const wrong = ["--user", `${alice.handle}:${bob.appPassword}`];
      await assert.rejects(
        images(t, ["push", "--plain-http", ...wrong, t.ref("tiny")]),
      );
    },
    async push(t) {
      await images(t, ["push", "--plain-http", ...user(t), t.ref("tiny")]);
      const { digest } = t.world.images.tiny.top;
      assert.equal(await t.pushed("tiny"), digest);
    },
    async pull(t) {
      await images(t, ["rm", "--sync", t.ref("tiny")]);
      await images(t, ["pull", "--plain-http", ...user(t), t.ref("tiny")]);
      const list = await images(t, ["ls", `name==${t.ref("tiny")}`]);
      assert.match(list, new RegExp(t.world.images.tiny.top.digest));
    },
    async "multi-arch"(t) {
      await importImage(t, "multi", ["--all-platforms"]);
      await images(t, ["push", "--plain-http", ...user(t), t.ref("multi")]);
      const { digest } = t.world.images.multi.top;
      assert.equal(await t.pushed("multi"), digest);
      await images(t, ["rm", "--sync", t.ref("multi")]);
      await images(t, [
        ...["pull", "--plain-http", "--all-platforms", ...user(t)],
        t.ref("multi"),
      ]);
    },
    async "push of 210 MB in one PUT a layer"(t) {
      await importImage(t, "big");
      await images(t, ["push", "--plain-http", ...user(t), t.ref("big")]);
      const { digest } = t.world.images.big.top;
      assert.equal(await t.pushed("big"), digest);
    },
    async "pull without login"(t) {
      await images(t, ["rm", "--sync", t.ref("big")]);
      await images(t, ["pull", "--plain-http", t.ref("big")]);
    },
  },
};

/** Imports a layout under its name in the registry. */
async function importImage(
  t: Station,
  name: "tiny" | "big" | "multi",
  flags: readonly string[] = [],
): Promise<void> {
  const tar = t.path(`${name}.tar`);
  await t.run("tar", ["-C", t.world.images[name].folder, "-cf", tar, "."]);
  const base = ["--base-name", t.ref(name).replace(/:1$/, "")];
  await images(t, ["import", ...flags, ...base, tar]);
  await Deno.remove(tar);
}

function user(t: Station): string[] {
  const { handle, appPassword } = t.world.alice;
  return ["--user", `${handle}:${appPassword}`];
}

function images(t: Station, args: readonly string[]): Promise<string> {
  const address = t.world.env["CONTAINERD_ADDRESS"] ?? "";
  const where = ["--address", address, "-n", "test", "images"];
  return t.run("ctr", [...where, ...args]);
}
