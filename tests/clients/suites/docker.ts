/**
 * The docker command line with its daemon.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CommandError } from "../../tools/command.ts";
import type { Station, Suite } from "../suite.ts";

const BIG = "test/big:1";

export const docker: Suite = {
  name: "docker",
  programs: ["docker", "dockerd", "skopeo"],
  engine: true,
  async version(t) {
    const format = "{{.Client.Version}}, engine {{.Server.Version}}";
    return await t.run("docker", ["version", "--format", format]);
  },
  absent: {
    list: "docker has no command that lists tags",
    delete: "docker has no command that deletes from a registry",
  },
  actions: {
    async "login with a wrong password is refused"(t) {
      await assert.rejects(login(t, "wrong"), (error) => {
        assert.ok(error instanceof CommandError);
        assert.match(error.message, /app password/);
        return true;
      });
    },
    async login(t) {
      await login(t, t.world.alice.appPassword);
    },
    async push(t) {
      await load(t);
      await t.run("docker", ["tag", BIG, t.ref("big")]);
      const said = await t.run("docker", ["push", t.ref("big")]);
      const [, digest] = /digest: (sha256:\w+)/.exec(said) ?? [];
      assert.equal(digest, await t.pushed("big"));
    },
    async pull(t) {
      const id = await imageId(t, BIG);
      await t.run("docker", ["rmi", "-f", BIG, t.ref("big")]);
      const said = await t.run("docker", ["pull", t.ref("big")]);
      assert.doesNotMatch(said, /Already exists/);
      assert.equal(await imageId(t, t.ref("big")), id);
      const digest = await t.pushed("big");
      assert.deepEqual(await repoDigests(t, t.ref("big")), [
        `${t.world.host}/${t.repo("big")}@${digest}`,
      ]);
    },
    async "pull by digest"(t) {
      const ref = `${t.world.host}/${t.repo("big")}@${await t.pushed("big")}`;
      await t.run("docker", ["pull", ref]);
    },
    async "push again to another repository"(t) {
      await t.run("docker", ["tag", t.ref("big"), t.ref("other")]);
      const said = await t.run("docker", ["push", t.ref("other")]);
      assert.match(said, /Mounted from/);
      assert.equal(await t.pushed("other"), await t.pushed("big"));
    },
    async "multi-arch"(t) {
      const { multi } = t.world.images;
      // The daemon keeps no index: its images are pushed one by one.
      const children = [];
      for (const arch of ["amd64", "arm64"]) {
        const ref = t.ref("multi", arch);
        await t.run("skopeo", [
          ...["copy", "--override-arch", arch],
          `oci:${multi.folder}:1`,
          `docker-daemon:${ref}`,
          ...["--dest-daemon-host", t.world.env["DOCKER_HOST"] ?? ""],
        ]);
        await t.run("docker", ["push", "-q", ref]);
        children.push(ref);
      }
      const list = t.ref("multi", "all");
      const manifest = ["manifest", "create", "--insecure", list];
      await t.run("docker", [...manifest, ...children]);
      const said = await t.run("docker", [
        ...["manifest", "push", "--insecure", list],
      ]);
      assert.equal(said.split("\n").at(-1), await t.pushed("multi", "all"));
      await t.run("docker", ["pull", list]);
    },
    async "manifest inspect"(t) {
      const list = t.ref("multi", "all");
      const said = await t.run("docker", [
        ...["manifest", "inspect", "--insecure", list],
      ]);
      assert.equal(JSON.parse(said).manifests.length, 2);
    },
    async "push under another name is denied"(t) {
      const { host, bob } = t.world;
      const ref = `${host}/${bob.handle}/docker-big:1`;
      await t.run("docker", ["tag", t.ref("big"), ref]);
      await assert.rejects(t.run("docker", ["push", ref]), /denied/);
    },
    async "logout, pull without login"(t) {
      await t.run("docker", ["logout", t.world.host]);
      await t.run("docker", ["rmi", "-f", t.ref("big")]);
      await t.run("docker", ["pull", t.ref("big")]);
    },
  },
};

async function login(t: Station, password: string): Promise<void> {
  const { host, alice } = t.world;
  await t.run(
    "docker",
    ["login", "-u", alice.handle, "--password-stdin", host],
    { input: password },
  );
}

/** Brings the big image into the daemon. */
async function load(t: Station): Promise<void> {
  await t.run("skopeo", [
    "copy",
    `oci:${t.world.images.big.folder}:1`,
    `docker-daemon:${BIG}`,
    ...["--dest-daemon-host", t.world.env["DOCKER_HOST"] ?? ""],
  ]);
}

function imageId(t: Station, image: string): Promise<string> {
  return t.run("docker", ["image", "inspect", "--format", "{{.Id}}", image]);
}

async function repoDigests(t: Station, image: string): Promise<string[]> {
  const format = "{{json .RepoDigests}}";
  const args = ["image", "inspect", "--format", format, image];
  return JSON.parse(await t.run("docker", args));
}
