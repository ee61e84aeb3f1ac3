/**
 * BuildKit: buildctl with a daemon of its own, which pushes images and caches.
 *
 * @module
 */

import assert from "node:assert/strict";
import { goVersion } from "../../tools/catalog.ts";
import { CommandError } from "../../tools/command.ts";
import { startDaemon } from "../daemon.ts";
import type { Station, Suite } from "../suite.ts";

/** The forms in which BuildKit exports a cache to a registry. */
const CACHES = {
  index: "image-manifest=false",
  image: "image-manifest=true",
  docker: "image-manifest=false,oci-mediatypes=false",
  zstd: "image-manifest=true,compression=zstd",
} as const;

export const buildkit: Suite = {
  name: "buildctl",
  programs: ["buildctl", "buildkitd", "runc"],
  async open(t) {
    const config = t.path("buildkitd.toml");
    await Deno.writeTextFile(
      config,
      `[registry."${t.world.host}"]\nhttp = true\n`,
    );
    const daemon = await startDaemon("buildkitd", [
      ...["--config", config],
      ...["--root", t.path("root")],
      ...["--addr", address(t)],
      "--containerd-worker=false",
      "--oci-worker-snapshotter=native",
    ], async () => {
      try {
        return await buildctl(t, ["debug", "workers"]);
      } catch (error) {
        if (error instanceof CommandError) return undefined;
        throw error;
      }
    });
    await Deno.mkdir(t.path("context"));
    await Deno.writeTextFile(t.path("context", "hello.txt"), "hello\n");
    await dockerfile(t, "FROM scratch\nCOPY hello.txt /hello.txt\n");
    return () => daemon.stop();
  },
  version: () => Promise.resolve(goVersion("buildctl")),
  absent: {
    list: "buildctl has no command that lists tags",
    delete: "buildctl has no command that deletes from a registry",
  },
  actions: {
    async login(t) {
      const { alice, bob } = t.world;
      await t.writeLogin({ ...alice, appPassword: bob.appPassword });
      await assert.rejects(build(t, [image(t, "app")]));
      await t.writeLogin(alice);
    },
    async push(t) {
      await build(t, [image(t, "app")]);
      await t.pushed("app");
    },
    async pull(t) {
      await buildctl(t, ["prune", "--all"]);
      await dockerfile(t, `FROM ${t.ref("app")}\nCOPY hello.txt /more.txt\n`);
      await build(t, [image(t, "more")]);
      await t.pushed("more");
    },
    async "multi-arch"(t) {
      const platforms = "--opt=platform=linux/amd64,linux/arm64";
      await dockerfile(t, "FROM scratch\nCOPY hello.txt /hello.txt\n");
      await build(t, [platforms, image(t, "multi")]);
      const found = await t.world.api.children(t.repo("multi"), "1");
      assert.equal(found.length, 2);
    },
    async "push with attestations"(t) {
      const provenance = "--opt=attest:provenance=mode=max";
      await build(t, [provenance, image(t, "attested")]);
      const found = await t.world.api.children(t.repo("attested"), "1");
      assert.equal(found.length, 2);
    },
    ...Object.fromEntries(
      Object.entries(CACHES).map(([form, options]) => [
        `cache as ${form}`,
        (t: Station) => cache(t, form, options),
      ]),
    ),
    async "cache in the image"(t) {
      const ref = t.ref("inline");
      await build(t, ["--export-cache=type=inline", image(t, "inline")]);
      await buildctl(t, ["prune", "--all"]);
      await isCached(t, ref);
    },
  },
};

/** Exports a cache in one form, forgets it and finds the steps in it. */
async function cache(t: Station, form: string, options: string) {
  const ref = t.ref(`cache-${form}`);
  await build(t, [
    `--export-cache=type=registry,ref=${ref},mode=max,${options}`,
  ]);
  await t.pushed(`cache-${form}`);
  await buildctl(t, ["prune", "--all"]);
  await isCached(t, ref);
}

async function isCached(t: Station, ref: string) {
  const said = await build(t, [`--import-cache=type=registry,ref=${ref}`]);
  assert.match(said, /CACHED/);
}

const address = (t: Station) => `unix://${t.path("buildkitd.sock")}`;

const image = (t: Station, name: string) =>
  `--output=type=image,name=${t.ref(name)},push=true,oci-mediatypes=true`;

async function dockerfile(t: Station, text: string): Promise<void> {
  await Deno.writeTextFile(t.path("context", "Dockerfile"), text);
}

/** Builds the context; returns the progress. */
async function build(t: Station, args: readonly string[]): Promise<string> {
  const { stderr } = await t.runBoth("buildctl", [
    ...["--addr", address(t), "build", "--progress=plain"],
    "--frontend=dockerfile.v0",
    `--local=context=${t.path("context")}`,
    `--local=dockerfile=${t.path("context")}`,
    ...args,
  ]);
  return stderr;
}

function buildctl(t: Station, args: readonly string[]): Promise<string> {
  return t.run("buildctl", ["--addr", address(t), ...args]);
}
