/**
 * ko: images of Go programs, without a daemon.
 *
 * @module
 */

import assert from "node:assert/strict";
import { run } from "../../tools/command.ts";
import type { Station, Suite } from "../suite.ts";

export const ko: Suite = {
  name: "ko",
  programs: ["ko", "go"],
  async version(t) {
    return await t.run("ko", ["version"]);
  },
  absent: {
    pull: "ko pulls the base image only: see push",
    list: "ko has no command that lists tags",
    delete: "ko has no command that deletes",
  },
  actions: {
    async login(t) {
      const { host, alice, bob } = t.world;
      await Deno.mkdir(t.path("app"));
      await Deno.writeTextFile(t.path("app", "go.mod"), "module example\n");
      await Deno.writeTextFile(
        t.path("app", "main.go"),
        'package main\n\nfunc main() { println("hello") }\n',
      );
      const { folder, top } = t.world.images.multi;
      await t.world.api.pushLayout(folder, t.repo("base"), top, "1");
      await t.writeLogin({ ...alice, appPassword: bob.appPassword });
      await assert.rejects(build(t, "app"));
      const user = ["-u", alice.handle, "--password-stdin"];
      await t.run("ko", ["login", host, ...user], { input: alice.appPassword });
    },
    async push(t) {
      const said = await build(t, "app", "--platform=linux/amd64");
      assert.equal(said.split("@")[1], await t.pushed("app"));
    },
    async "multi-arch"(t) {
      await build(t, "multi", "--platform=all");
      const found = await t.world.api.children(t.repo("multi"), "1");
      assert.equal(found.length, 2);
    },
    async "push again"(t) {
      await build(t, "multi", "--platform=all");
    },
  },
};

async function build(t: Station, name: string, ...args: string[]) {
  // The folder of compiled packages is that of the whole machine.
  const cache = await run("go", ["env", "GOCACHE"]);
  return await t.run("ko", [
    ...["build", "--bare", "--insecure-registry", "--tags=1", ...args, "."],
  ], {
    cwd: t.path("app"),
    env: {
      GOCACHE: cache.stdout.trim(),
      KO_DOCKER_REPO: `${t.world.host}/${t.repo(name)}`,
      KO_DEFAULTBASEIMAGE: t.ref("base"),
    },
  });
}
