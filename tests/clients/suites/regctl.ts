/**
 * regctl of regclient.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SBOM_TYPE } from "../images.ts";
import type { Station, Suite } from "../suite.ts";

export const regctl: Suite = {
  name: "regctl",
  programs: ["regctl"],
  async version(t) {
    const said = await regctlRun(t, ["version", "--format", "{{.VCSTag}}"]);
    const stamp = /v?\d+\.\d+\.\d+/.exec(said)?.[0];
    if (stamp !== undefined) return stamp;
    const text = await regctlRun(t, ["version"]);
    return /v\d+\.\d+\.\d+\S*/.exec(text)?.[0] ?? "?";
  },
  actions: {
    async login(t) {
      const { host, alice } = t.world;
      await regctlRun(t, ["registry", "set", "--tls", "disabled", host]);
      const user = ["-u", alice.handle, "--pass-stdin"];
      await regctlRun(t, ["registry", "login", ...user, host], {
        input: alice.appPassword,
      });
    },
    async push(t) {
      const { folder, top } = t.world.images.tiny;
      await regctlRun(t, [
        "image",
        "copy",
        `ocidir://${folder}:1`,
        t.ref("tiny"),
      ]);
      assert.equal(await t.pushed("tiny"), top.digest);
    },
    async pull(t) {
      const target = `ocidir://${t.path("pulled")}:1`;
      await regctlRun(t, ["image", "copy", t.ref("tiny"), target]);
      const digest = await regctlRun(t, ["image", "digest", target]);
      assert.equal(digest, t.world.images.tiny.top.digest);
    },
    async list(t) {
      assert.equal(await regctlRun(t, ["tag", "ls", name(t, "tiny")]), "1");
    },
    async "repo ls"(t) {
      const said = await regctlRun(t, ["repo", "ls", t.world.host]);
      assert.ok(said.split("\n").includes(t.repo("tiny")), said);
    },
    async "multi-arch"(t) {
      const { folder, top } = t.world.images.multi;
      const args = ["image", "copy", `ocidir://${folder}:1`, t.ref("multi")];
      await regctlRun(t, args);
      assert.equal(await t.pushed("multi"), top.digest);
    },
    async "artifact put with a subject"(t) {
      await regctlRun(t, [
        ...["artifact", "put", "--artifact-type", SBOM_TYPE],
        ...["--subject", t.ref("multi")],
      ], { input: "{}" });
      const { digest } = t.world.images.multi.top;
      const found = await t.world.api.referrers(t.repo("multi"), digest);
      assert.equal(found.length, 1);
    },
    async "artifact list"(t) {
      const said = await regctlRun(t, ["artifact", "list", t.ref("multi")]);
      assert.match(said, new RegExp(SBOM_TYPE.replaceAll(/[.+]/g, "\\$&")));
    },
    async "image copy with referrers"(t) {
      const args = ["image", "copy", "--referrers", "--digest-tags"];
      await regctlRun(t, [...args, t.ref("multi"), t.ref("copied")]);
      const { digest } = t.world.images.multi.top;
      assert.equal(await t.pushed("copied"), digest);
      assert.deepEqual(
        await t.world.api.referrers(t.repo("copied"), digest),
        await t.world.api.referrers(t.repo("multi"), digest),
      );
    },
    async "blob copy mounts"(t) {
      const manifest = JSON.parse(
        await regctlRun(t, [
          "manifest",
          "get",
          "--format",
          "raw-body",
          t.ref("tiny"),
        ]),
      );
      const { digest } = manifest.layers[0];
      const args = [
        "blob",
        "copy",
        name(t, "tiny"),
        name(t, "mounted"),
        digest,
      ];
      await regctlRun(t, args);
      await regctlRun(t, ["blob", "head", name(t, "mounted"), digest]);
    },
    async "blob put in chunks"(t) {
      const file = "x".repeat(300_000);
      const { host } = t.world;
      await regctlRun(t, [
        ...["registry", "set", "--blob-chunk", "65536", "--blob-max", "65536"],
        host,
      ]);
      const digest = await regctlRun(t, ["blob", "put", name(t, "chunks")], {
        input: file,
      });
      const back = await regctlRun(t, [
        "blob",
        "get",
        name(t, "chunks"),
        digest,
      ]);
      assert.equal(back, file);
    },
    async "tag rm"(t) {
      await regctlRun(t, ["image", "copy", t.ref("tiny"), t.ref("tiny", "2")]);
      await regctlRun(t, ["tag", "rm", t.ref("tiny", "2")]);
      assert.deepEqual(await t.world.api.tags(t.repo("tiny")), ["1"]);
      await t.pushed("tiny");
    },
    async delete(t) {
      const digest = await t.pushed("copied");
      const args = ["manifest", "delete", `${name(t, "copied")}@${digest}`];
      await regctlRun(t, args);
      const left = await t.world.api.digest(t.repo("copied"), "1");
      assert.equal(left, undefined);
    },
  },
};

function regctlRun(
  t: Station,
  args: readonly string[],
  options: { readonly input?: string } = {},
): Promise<string> {
  const env = { REGCTL_CONFIG: t.path("regctl.json") };
  return t.run("regctl", args, { ...options, env });
}

function name(t: Station, repo: string): string {
  return t.ref(repo).replace(/:1$/, "");
}
