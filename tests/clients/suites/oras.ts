/**
 * oras: artifacts and referrers.
 *
 * @module
 */

import assert from "node:assert/strict";
import { SBOM_TYPE } from "../images.ts";
import type { Station, Suite } from "../suite.ts";

const PLAIN = "--plain-http";
const FILE_TYPE = "application/vnd.example.file.v1+json";

export const oras: Suite = {
  name: "oras",
  programs: ["oras"],
  async version(t) {
    const said = await t.run("oras", ["version"]);
    return /Version:\s+(\S+)/.exec(said)?.[1] ?? said;
  },
  actions: {
    async login(t) {
      const { host, alice } = t.world;
      const user = ["-u", alice.handle, "--password-stdin"];
      await t.run("oras", ["login", PLAIN, ...user, host], {
        input: alice.appPassword,
      });
    },
    async push(t) {
      await Deno.writeTextFile(t.path("hello.txt"), "hello\n");
      const said = await t.run("oras", [
        ...["push", PLAIN, "--artifact-type", FILE_TYPE],
        ...["--format", "go-template={{.digest}}"],
        ...[t.ref("file"), "hello.txt:text/plain"],
      ]);
      assert.equal(said, await t.pushed("file"));
    },
    async pull(t) {
      await t.run("oras", ["pull", PLAIN, "-o", "pulled", t.ref("file")]);
      const text = await Deno.readTextFile(t.path("pulled", "hello.txt"));
      assert.equal(text, "hello\n");
    },
    async list(t) {
      const said = await t.run("oras", [
        "repo",
        "tags",
        PLAIN,
        name(t, "file"),
      ]);
      assert.equal(said, "1");
    },
    async "repo ls"(t) {
      const said = await t.run("oras", ["repo", "ls", PLAIN, t.world.host]);
      assert.ok(said.split("\n").includes(t.repo("file")), said);
    },
    async "multi-arch"(t) {
      const { folder, top } = t.world.images.multi;
      await t.run("oras", [
        ...["cp", "--to-plain-http", "--from-oci-layout", `${folder}:1`],
        t.ref("multi"),
      ]);
      assert.equal(await t.pushed("multi"), top.digest);
      const said = await t.run("oras", [
        ...["manifest", "fetch", PLAIN, "--platform", "linux/arm64"],
        ...["--descriptor", t.ref("multi")],
      ]);
      assert.match(JSON.parse(said).digest, /^sha256:/);
    },
    async attach(t) {
      await Deno.writeTextFile(t.path("sbom.json"), "{}");
      await t.run("oras", [
        ...["attach", PLAIN, "--artifact-type", SBOM_TYPE],
        ...[t.ref("multi"), "sbom.json:application/json"],
      ]);
      const { digest } = t.world.images.multi.top;
      const found = await t.world.api.referrers(t.repo("multi"), digest);
      assert.equal(found.length, 1);
    },
    async discover(t) {
      const said = await t.run("oras", [
        ...["discover", PLAIN, "--format", "json"],
        ...["--artifact-type", SBOM_TYPE, t.ref("multi")],
      ]);
      const found = JSON.parse(said).referrers;
      assert.equal(found.length, 1);
      assert.equal(found[0].artifactType, SBOM_TYPE);
    },
    async "cp -r"(t) {
      await t.run("oras", [
        ...["cp", "-r", "--from-plain-http", "--to-plain-http"],
        ...[t.ref("multi"), t.ref("copied")],
      ]);
      const { digest } = t.world.images.multi.top;
      assert.equal(await t.pushed("copied"), digest);
      assert.deepEqual(
        await t.world.api.referrers(t.repo("copied"), digest),
        await t.world.api.referrers(t.repo("multi"), digest),
      );
    },
    async "blob push and fetch"(t) {
      const said = await t.run("oras", [
        ...["blob", "push", PLAIN, "--descriptor"],
        ...[name(t, "file"), "hello.txt"],
      ]);
      const blob = `${name(t, "file")}@${JSON.parse(said).digest}`;
      const args = ["blob", "fetch", PLAIN, "--output", "-", blob];
      assert.equal(await t.run("oras", args), "hello");
      await t.run("oras", [
        ...["blob", "push", PLAIN, "--media-type", "text/plain"],
        ...[name(t, "file"), "config.json"],
      ]);
    },
    async tag(t) {
      await t.run("oras", ["tag", PLAIN, t.ref("file"), "two", "three"]);
      assert.equal(await t.pushed("file", "three"), await t.pushed("file"));
    },
    async delete(t) {
      await t.run("oras", ["manifest", "delete", PLAIN, "-f", t.ref("copied")]);
      const left = await t.world.api.digest(t.repo("copied"), "1");
      assert.equal(left, undefined);
    },
  },
};

function name(t: Station, repo: string): string {
  return t.ref(repo).replace(/:1$/, "");
}
