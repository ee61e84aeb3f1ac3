/**
 * skopeo.
 *
 * @module
 */

import assert from "node:assert/strict";
import { forgetBlobs } from "../engine.ts";
import { sha256 } from "../layout.ts";
import type { Station, Suite } from "../suite.ts";

export const skopeo: Suite = {
  name: "skopeo",
  programs: ["skopeo"],
  async version(t) {
    const said = await t.run("skopeo", ["--version"]);
    return /version (\S+)/.exec(said)?.[1] ?? said;
  },
  actions: {
    async login(t) {
      const { host, alice } = t.world;
      const user = ["-u", alice.handle, "--password-stdin"];
      await t.run("skopeo", ["login", "--tls-verify=false", ...user, host], {
        input: alice.appPassword,
      });
    },
    async push(t) {
      await forgetBlobs();
      const { folder, top } = t.world.images.big;
      await copy(t, [`oci:${folder}:1`, `docker://${t.ref("big")}`]);
      assert.equal(await t.pushed("big"), top.digest);
    },
    async pull(t) {
      await copy(t, [`docker://${t.ref("big")}`, "dir:pulled"]);
      const bytes = await Deno.readFile(t.path("pulled", "manifest.json"));
      assert.equal(sha256(bytes), t.world.images.big.top.digest);
    },
    async list(t) {
      const said = await t.run("skopeo", [
        ...["list-tags", "--tls-verify=false"],
        `docker://${t.ref("big").replace(/:1$/, "")}`,
      ]);
      assert.deepEqual(JSON.parse(said).Tags, ["1"]);
    },
    async "multi-arch"(t) {
      const { folder, top } = t.world.images.multi;
      await copy(t, ["--all", `oci:${folder}:1`, `docker://${t.ref("multi")}`]);
      assert.equal(await t.pushed("multi"), top.digest);
    },
    async "copy --all to another repository"(t) {
      const target = t.ref("copied");
      await copy(t, [
        "--all",
        ...[`docker://${t.ref("multi")}`, `docker://${target}`],
      ]);
      assert.equal(await t.pushed("copied"), await t.pushed("multi"));
    },
    async inspect(t) {
      const args = [
        "inspect",
        "--tls-verify=false",
        `docker://${t.ref("big")}`,
      ];
      const said = JSON.parse(await t.run("skopeo", args));
      assert.equal(said.Digest, t.world.images.big.top.digest);
      assert.deepEqual(said.RepoTags, ["1"]);
    },
    async "inspect --raw"(t) {
      const { stdout } = await t.runBoth("skopeo", [
        ...["inspect", "--raw", "--tls-verify=false"],
        `docker://${t.ref("multi")}`,
      ]);
      const { digest } = t.world.images.multi.top;
      assert.equal(sha256(new TextEncoder().encode(stdout)), digest);
    },
    async "sync out and in"(t) {
      await t.run("skopeo", [
        ...["sync", "--src-tls-verify=false", "--all"],
        ...["--src", "docker", "--dest", "dir"],
        ...[t.ref("multi").replace(/:1$/, ""), t.path("synced")],
      ]);
      await t.run("skopeo", [
        ...["sync", "--dest-tls-verify=false", "--all"],
        ...["--src", "dir", "--dest", "docker"],
        ...[t.path("synced"), `${t.world.host}/${t.repo("synced")}`],
      ]);
      const repo = `synced/${t.repo("multi").split("/")[1]}`;
      assert.equal(await t.pushed(repo), t.world.images.multi.top.digest);
    },
    async "copy of an artifact"(t) {
      const [first] = t.world.images.multi.referrers;
      assert.ok(first);
      const { folder } = t.world.images.multi;
      await t.world.api.pushLayout(
        folder,
        t.repo("artifact"),
        first.descriptor,
        "1",
      );
      const target = `docker://${t.ref("artifact", "2")}`;
      await copy(t, [`docker://${t.ref("artifact")}`, target]);
      assert.equal(await t.pushed("artifact", "2"), first.descriptor.digest);
    },
    async delete(t) {
      await t.run("skopeo", [
        ...["delete", "--tls-verify=false", `docker://${t.ref("copied")}`],
      ]);
      const left = await t.world.api.digest(t.repo("copied"), "1");
      assert.equal(left, undefined);
    },
  },
};

function copy(t: Station, args: readonly string[]): Promise<string> {
  return t.run("skopeo", [
    ...["copy", "--src-tls-verify=false", "--dest-tls-verify=false"],
    ...args,
  ]);
}
