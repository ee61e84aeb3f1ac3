/**
 * crane of go-containerregistry. It speaks plain HTTP to loopback addresses.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Suite } from "../suite.ts";

export const crane: Suite = {
  name: "crane",
  programs: ["crane"],
  async version(t) {
    return await t.run("crane", ["version"]);
  },
  actions: {
    async login(t) {
      const { host, alice } = t.world;
      const user = ["-u", alice.handle, "--password-stdin"];
      await t.run("crane", ["auth", "login", ...user, host], {
        input: alice.appPassword,
      });
    },
    async push(t) {
      // The layout's folder has one image; crane pushes it as it is.
      const { folder, top } = t.world.images.big;
      const said = await t.run("crane", ["push", folder, t.ref("big")]);
      assert.match(said, new RegExp(top.digest));
      assert.equal(await t.pushed("big"), top.digest);
    },
    async pull(t) {
      const args = ["pull", "--format=oci", t.ref("big"), t.path("pulled")];
      await t.run("crane", args);
      const index = await Deno.readTextFile(t.path("pulled", "index.json"));
      const [first] = JSON.parse(index).manifests;
      assert.equal(first.digest, t.world.images.big.top.digest);
    },
    async list(t) {
      const name = t.ref("big").replace(/:1$/, "");
      assert.equal(await t.run("crane", ["ls", name]), "1");
    },
    async catalog(t) {
      const said = await t.run("crane", ["catalog", t.world.host]);
      assert.ok(said.split("\n").includes(t.repo("big")), said);
    },
    async digest(t) {
      const said = await t.run("crane", ["digest", t.ref("big")]);
      assert.equal(said, t.world.images.big.top.digest);
    },
    async validate(t) {
      const said = await t.runBoth("crane", [
        ...["validate", "--remote", t.ref("big")],
      ]);
      assert.match(said.stdout + said.stderr, /PASS/);
    },
    async "multi-arch"(t) {
      const { folder, top } = t.world.images.multi;
      await t.run("crane", ["push", "--index", folder, t.ref("layout")]);
      await t.world.api.pushLayout(folder, t.repo("multi"), top, "1");
      const said = await t.run("crane", [
        ...["digest", "--platform", "linux/arm64", t.ref("multi")],
      ]);
      assert.match(said, /^sha256:/);
    },
    async copy(t) {
      await t.run("crane", ["copy", t.ref("multi"), t.ref("copied")]);
      assert.equal(await t.pushed("copied"), await t.pushed("multi"));
    },
    async tag(t) {
      await t.run("crane", ["tag", t.ref("big"), "two"]);
      assert.equal(await t.pushed("big", "two"), await t.pushed("big"));
    },
    async append(t) {
      await Deno.writeTextFile(t.path("hello"), "hello\n");
      const tar = t.path("hello.tar");
      await t.run("tar", ["-cf", tar, "-C", t.folder, "hello"]);
      await t.run("crane", [
        ...["append", "-b", t.ref("big"), "-f", tar, "-t", t.ref("appended")],
      ]);
      await t.pushed("appended");
    },
    async mutate(t) {
      await t.run("crane", [
        ...["mutate", t.ref("big"), "--label", "a=b", "-t", t.ref("mutated")],
      ]);
      const config = await t.run("crane", ["config", t.ref("mutated")]);
      assert.equal(JSON.parse(config).config.Labels.a, "b");
    },
    async delete(t) {
      const name = t.ref("copied").replace(/:1$/, "");
      const digest = await t.pushed("copied");
      await t.run("crane", ["delete", `${name}@${digest}`]);
      const left = await t.world.api.digest(t.repo("copied"), "1");
      assert.equal(left, undefined);
    },
  },
};
