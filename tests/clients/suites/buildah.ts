/**
 * buildah, in the same storage as podman.
 *
 * @module
 */

import assert from "node:assert/strict";
import { login, PLAIN, pushBig } from "../containers_storage.ts";
import { forgetBlobs } from "../engine.ts";
import type { Station, Suite } from "../suite.ts";

const BIG = "localhost/test/buildah-big:1";

export const buildah: Suite = {
  name: "buildah",
  programs: ["buildah", "skopeo"],
  async version(t) {
    const said = await t.run("buildah", ["--version"]);
    return /version (\S+)/.exec(said)?.[1] ?? said;
  },
  absent: {
    list: "buildah has no command that lists tags",
    delete: "buildah has no command that deletes from a registry",
  },
  actions: {
    login: (t) => login(t, "buildah"),
    push: (t) => pushBig(t, "buildah", BIG, `docker://${t.ref("big")}`),
    async pull(t) {
      const id = await imageId(t, BIG);
      await forgetBlobs();
      await t.run("buildah", ["rmi", "-f", BIG]);
      await t.run("buildah", ["pull", PLAIN, t.ref("big")]);
      assert.equal(await imageId(t, t.ref("big")), id);
    },
    async "build from it, push the result"(t) {
      const file = t.path("Containerfile");
      await Deno.writeTextFile(
        file,
        `FROM ${t.ref("big")}\nCOPY config.json /added.json\n`,
      );
      const built = "localhost/test/buildah-built:1";
      await t.run("buildah", [
        ...["bud", PLAIN, "--isolation", "chroot", "-t", built],
        ...["-f", file, t.folder],
      ]);
      await t.run("buildah", ["push", PLAIN, built, t.ref("built")]);
      await t.pushed("built");
    },
    async "multi-arch"(t) {
      const list = "localhost/test/buildah-multi:1";
      await t.run("buildah", ["manifest", "create", list]);
      await t.run("buildah", [
        ...["manifest", "add", "--all", list],
        `oci:${t.world.images.multi.folder}:1`,
      ]);
      for (const format of ["oci", "v2s2"]) {
        const file = t.path(`digest-${format}`);
        await t.run("buildah", [
          ...["manifest", "push", PLAIN, "--all", "--format", format],
          ...["--digestfile", file],
          ...[list, `docker://${t.ref("multi", format)}`],
        ]);
        const digest = await Deno.readTextFile(file);
        assert.equal(digest, await t.pushed("multi", format));
      }
    },
  },
};

function imageId(t: Station, image: string): Promise<string> {
  const args = ["inspect", "--type", "image", "--format", "{{.FromImageID}}"];
  return t.run("buildah", [...args, image]);
}
