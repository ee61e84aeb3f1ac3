/**
 * crictl with a containerd of its own: how the nodes of Kubernetes pull.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CommandError } from "../../tools/command.ts";
import { startDaemon } from "../daemon.ts";
import type { Station, Suite } from "../suite.ts";

export const crictl: Suite = {
  name: "crictl",
  programs: ["crictl", "containerd"],
  async open(t) {
    const config = t.path("containerd.toml");
    await Deno.writeTextFile(
      config,
      `version = 2
root = "${t.path("root")}"
state = "${t.path("state")}"
[grpc]
address = "${t.path("containerd.sock")}"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
`,
    );
    const daemon = await startDaemon(
      "containerd",
      ["--config", config],
      async () => {
        try {
          return await cri(t, ["version"]);
        } catch (error) {
          if (error instanceof CommandError) return undefined;
          throw error;
        }
      },
    );
    return () => daemon.stop();
  },
  async version(t) {
    const said = await cri(t, ["version"]);
    const [, version] = /RuntimeVersion: +(\S+)/.exec(said) ?? [];
    return `containerd ${version}`;
  },
  absent: {
    login: "nodes log in where a repository demands it; none of ours does",
    push: "nodes only pull",
    list: "crictl has no command that lists tags",
    delete: "crictl has no command that deletes from a registry",
  },
  actions: {
    async pull(t) {
      const { folder, top } = t.world.images.tiny;
      await t.world.api.pushLayout(folder, t.repo("tiny"), top, "1");
      const { handle, appPassword } = t.world.alice;
      const login = `${handle}:${appPassword}`;
      await cri(t, ["pull", "--creds", login, t.ref("tiny")]);
      const list = await cri(t, ["images", "--digests", "--no-trunc"]);
      assert.match(list, new RegExp(top.digest));
    },
    async "multi-arch"(t) {
      const { folder, top } = t.world.images.multi;
      await t.world.api.pushLayout(folder, t.repo("multi"), top, "1");
      await cri(t, ["pull", t.ref("multi")]);
    },
    async "pull by digest without login"(t) {
      await cri(t, ["rmi", t.ref("tiny")]);
      const { digest } = t.world.images.tiny.top;
      await cri(t, ["pull", `${t.world.host}/${t.repo("tiny")}@${digest}`]);
    },
  },
};

function cri(t: Station, args: readonly string[]): Promise<string> {
  const address = `unix://${t.path("containerd.sock")}`;
  return t.run("crictl", ["-r", address, "-i", address, ...args]);
}
