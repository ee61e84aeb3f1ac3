/**
 * `docker buildx imagetools`, which works on a registry without a daemon.
 *
 * @module
 */

import assert from "node:assert/strict";
import { goVersion } from "../../tools/catalog.ts";
import type { Station, Suite } from "../suite.ts";

export const imagetools: Suite = {
  name: "imagetools",
  programs: ["docker-buildx"],
  version: () => Promise.resolve(`buildx ${goVersion("docker-buildx")}`),
  absent: {
    pull: "imagetools copies only",
    list: "imagetools has no command that lists tags",
    delete: "imagetools has no command that deletes",
  },
  actions: {
    async login(t) {
      const { alice, bob, images, api } = t.world;
      const { folder, top } = images.multi;
      await api.pushLayout(folder, t.repo("multi"), top, "1");
      await t.writeLogin({ ...alice, appPassword: bob.appPassword });
      await assert.rejects(create(t, t.ref("copy"), t.ref("multi")));
      await t.writeLogin(alice);
    },
    async push(t) {
      await create(t, t.ref("copy"), t.ref("multi"));
      assert.equal(await t.pushed("copy"), t.world.images.multi.top.digest);
    },
    async "multi-arch"(t) {
      const { host, api } = t.world;
      const children = await api.children(t.repo("multi"), "1");
      const sources = children.map((digest) =>
        `${host}/${t.repo("multi")}@${digest}`
      );
      await create(t, t.ref("made"), ...sources);
      assert.deepEqual(await api.children(t.repo("made"), "1"), children);
    },
    async inspect(t) {
      const said = await t.run("docker-buildx", [
        ...["imagetools", "inspect", "--raw", t.ref("copy")],
      ]);
      assert.equal(JSON.parse(said).manifests.length, 2);
    },
  },
};

async function create(t: Station, to: string, ...from: string[]) {
  await t.run("docker-buildx", ["imagetools", "create", "-t", to, ...from]);
}
