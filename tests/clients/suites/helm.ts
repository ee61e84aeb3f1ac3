/**
 * helm: charts as artifacts.
 *
 * @module
 */

import assert from "node:assert/strict";
import { CommandError } from "../../tools/command.ts";
import { Skip, type Station, type Suite } from "../suite.ts";

const PLAIN = "--plain-http";
const VERSION = "0.1.0";

export const helm: Suite = {
  name: "helm",
  programs: ["helm"],
  async version(t) {
    return await helmRun(t, ["version", "--template", "{{.Version}}"]);
  },
  absent: {
    list: "helm has no command that lists tags",
    delete: "helm has no command that deletes from a registry",
    "multi-arch": "charts have no platform",
  },
  actions: {
    async login(t) {
      const { host, alice } = t.world;
      const user = ["-u", alice.handle, "--password-stdin"];
      await helmRun(t, ["registry", "login", PLAIN, ...user, host], {
        input: alice.appPassword,
      });
    },
    async push(t) {
      await helmRun(t, ["create", chart(t)]);
      await helmRun(t, ["package", chart(t)]);
      const file = `${chart(t)}-${VERSION}.tgz`;
      const { host, alice } = t.world;
      const target = `oci://${host}/${alice.handle}`;
      const { stdout, stderr } = await t.runBoth("helm", [
        ...["push", PLAIN, file, target],
      ], { env: helmEnv(t) });
      const [digest] = /sha256:\w+/.exec(stdout + stderr) ?? [];
      assert.equal(digest, await t.pushed("chart", VERSION));
    },
    async pull(t) {
      const args = ["pull", PLAIN, source(t), "--version", VERSION];
      await Deno.mkdir(t.path("pulled"), { recursive: true });
      await helmRun(t, [...args, "-d", t.path("pulled")]);
      const file = `${chart(t)}-${VERSION}.tgz`;
      assert.deepEqual(
        await Deno.readFile(t.path("pulled", file)),
        await Deno.readFile(t.path(file)),
      );
    },
    async "show chart"(t) {
      const said = await helmRun(t, ["show", "chart", PLAIN, source(t)]);
      assert.match(said, new RegExp(`name: ${chart(t)}`));
    },
    async template(t) {
      const said = await helmRun(t, ["template", PLAIN, "x", source(t)]);
      assert.match(said, /kind: Deployment/);
    },
    async "install --dry-run"(t) {
      const args = ["install", "--dry-run=client", PLAIN, "x", source(t)];
      try {
        await helmRun(t, args);
      } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        if (!/cluster unreachable/i.test(error.message)) throw error;
        throw new Skip("helm wants a Kubernetes cluster even for a dry run");
      }
    },
  },
};

/** The chart's name is the repository's: helm joins it to the target. */
function chart(t: Station): string {
  return t.repo("chart").split("/")[1] ?? "";
}

function source(t: Station): string {
  return `oci://${t.world.host}/${t.repo("chart")}`;
}

function helmEnv(t: Station): Record<string, string> {
  return {
    HELM_CONFIG_HOME: t.path("config"),
    HELM_CACHE_HOME: t.path("cache"),
    HELM_DATA_HOME: t.path("data"),
  };
}

function helmRun(
  t: Station,
  args: readonly string[],
  options: { readonly input?: string } = {},
): Promise<string> {
  return t.run("helm", args, { ...options, env: helmEnv(t) });
}
