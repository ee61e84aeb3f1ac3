/**
 * `docker compose publish`: a project as an artifact.
 *
 * @module
 */

import assert from "node:assert/strict";
import { goVersion } from "../../tools/catalog.ts";
import type { Account } from "../../tools/product.ts";
import type { Station, Suite } from "../suite.ts";
import { startTlsProxy } from "../tls_front.ts";

export const compose: Suite = {
  name: "compose",
  programs: ["docker-compose", "dockerd"],
  engine: true,
  version: () => Promise.resolve(goVersion("docker-compose")),
  absent: {
    list: "compose has no command that lists tags",
    delete: "compose has no command that deletes from a registry",
    "multi-arch": "projects have no platform",
  },
  actions: {
    async login(t) {
      const { alice, bob, images, api } = t.world;
      const { folder, top } = images.tiny;
      await api.pushLayout(folder, t.repo("tiny"), top, "1");
      await Deno.writeTextFile(
        t.path("compose.yaml"),
        `name: test\nservices:\n  one:\n    image: ${t.ref("tiny")}\n`,
      );
      const wrong = { ...alice, appPassword: bob.appPassword };
      await assert.rejects(publish(t, wrong));
    },
    async push(t) {
      await publish(t, t.world.alice);
      await t.pushed("project");
    },
    async pull(t) {
      const said = await composeRun(
        t,
        t.world.alice,
        (ref) => ["-f", `oci://${ref}`, "config"],
      );
      assert.match(said, /compose-tiny:1/);
    },
  },
};

async function publish(t: Station, account: Account): Promise<void> {
  await composeRun(t, account, (ref) => ["publish", "-y", ref]);
}

/**
 * Runs compose with the reference of the project at a front with TLS: it does
 * not publish over plain HTTP.
 */
async function composeRun(
  t: Station,
  account: Account,
  args: (ref: string) => readonly string[],
): Promise<string> {
  using front = await startTlsProxy(t.world.host, t.folder);
  await t.writeLogin(account, front.host);
  const ref = `${front.host}/${t.repo("project")}:1`;
  return await t.run("docker-compose", args(ref), {
    env: { XDG_CACHE_HOME: t.path("cache"), SSL_CERT_FILE: front.certificate },
  });
}
