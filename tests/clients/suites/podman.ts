/**
 * podman with a storage of its own.
 *
 * @module
 */

import assert from "node:assert/strict";
import { login, PLAIN, pushBig } from "../containers_storage.ts";
import { forgetBlobs } from "../engine.ts";
import type { Station, Suite } from "../suite.ts";

const BIG = "localhost/test/big:1";

export const podman: Suite = {
  name: "podman",
  programs: ["podman", "skopeo"],
  async version(t) {
    return (await t.run("podman", ["--version"])).replace(/^.* /, "");
  },
  absent: { delete: "podman has no command that deletes from a registry" },
  actions: {
    login: (t) => login(t, "podman"),
    push: (t) => pushBig(t, "podman", BIG, t.ref("big")),
    async pull(t) {
      const id = await imageId(t, BIG);
      await forgetBlobs();
      await t.run("podman", ["rmi", "-f", BIG]);
      await t.run("podman", ["pull", PLAIN, t.ref("big")]);
      assert.equal(await imageId(t, t.ref("big")), id);
      assert.equal(await digest(t, t.ref("big")), await t.pushed("big"));
    },
    async list(t) {
      const name = t.ref("big").replace(/:1$/, "");
      const said = await t.run("podman", [
        ...["search", PLAIN, "--list-tags", name],
      ]);
      assert.match(said, /podman-big\s+1$/);
    },
    async search(t) {
      const { host } = t.world;
      const said = await t.run("podman", ["search", PLAIN, `${host}/podman`]);
      assert.match(said, new RegExp(t.repo("big")));
    },
    async "multi-arch"(t) {
      const { multi } = t.world.images;
      const list = "localhost/test/podman-multi:1";
      await t.run("podman", ["manifest", "create", list]);
      await t.run("podman", [
        ...["manifest", "add", "--all", list],
        `oci:${multi.folder}:1`,
      ]);
      const file = t.path("list-digest");
      await t.run("podman", [
        ...["manifest", "push", PLAIN, "--all", "--format", "oci"],
        ...["--digestfile", file],
        ...[list, `docker://${t.ref("multi")}`],
      ]);
      assert.equal(await Deno.readTextFile(file), await t.pushed("multi"));
      await t.run("podman", ["pull", PLAIN, "--arch", "arm64", t.ref("multi")]);
      const arch = await t.run("podman", [
        ...["image", "inspect", "--format", "{{.Architecture}}"],
        t.ref("multi"),
      ]);
      assert.equal(arch, "arm64");
    },
    async "logout, pull without login"(t) {
      await t.run("podman", ["logout", t.world.host]);
      await t.run("podman", ["rmi", "-f", t.ref("big")]);
      await t.run("podman", ["pull", PLAIN, t.ref("big")]);
    },
  },
};

function imageId(t: Station, image: string): Promise<string> {
  return t.run("podman", ["image", "inspect", "--format", "{{.Id}}", image]);
}

function digest(t: Station, image: string): Promise<string> {
  const format = "{{.Digest}}";
  return t.run("podman", ["image", "inspect", "--format", format, image]);
}
