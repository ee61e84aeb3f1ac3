/**
 * cosign: signatures with a key of our own, without any service.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Station, Suite } from "../suite.ts";

const PLAIN = ["--allow-http-registry", "--allow-insecure-registry"];
const OFFLINE = "--tlog-upload=false";

export const cosign: Suite = {
  name: "cosign",
  programs: ["cosign"],
  async version(t) {
    const stamp = await t.run("cosign", ["version", "--json"]);
    const { gitVersion } = JSON.parse(stamp);
    return gitVersion;
  },
  absent: {
    list: "cosign has no command that lists tags",
    pull: "cosign save writes a layout: see below",
    "multi-arch": "signed by its index, see below",
  },
  actions: {
    async login(t) {
      const { host, alice } = t.world;
      const user = ["-u", alice.handle, "--password-stdin"];
      await run(t, ["login", ...user, host], alice.appPassword);
    },
    async push(t) {
      const { multi } = t.world.images;
      for (const name of ["tagged", "referrers"]) {
        await t.world.api.pushLayout(
          multi.folder,
          t.repo(name),
          multi.top,
          "1",
        );
      }
      await run(t, ["generate-key-pair"]);
      await run(t, [...sign(t), await image(t, "tagged")]);
      const signature = multi.top.digest.replace(":", "-") + ".sig";
      await t.pushed("tagged", signature);
    },
    async verify(t) {
      await run(t, [...verify(t, "verify"), await image(t, "tagged")]);
    },
    async "verify refuses another key"(t) {
      await run(t, ["generate-key-pair", "--output-key-prefix", "other"]);
      const args = ["verify", "--insecure-ignore-tlog", ...PLAIN];
      const key = ["--key", t.path("other.pub")];
      await assert.rejects(
        run(t, [...args, ...key, await image(t, "tagged")]),
      );
    },
    async attest(t) {
      await Deno.writeTextFile(t.path("predicate.json"), '{"built":"here"}');
      await run(t, [
        ...["attest", "--yes", OFFLINE, ...PLAIN],
        ...["--key", t.path("cosign.key"), "--predicate", "predicate.json"],
        await image(t, "tagged"),
      ]);
    },
    async "verify-attestation"(t) {
      const args = verify(t, "verify-attestation");
      await run(t, [...args, await image(t, "tagged")]);
    },
    async tree(t) {
      const args = ["tree", ...PLAIN, await image(t, "tagged")];
      assert.match(await run(t, args), /Signatures/);
    },
    async "sign as a referrer"(t) {
      const mode = ["--registry-referrers-mode", "oci-1-1"];
      await run(t, [...sign(t), ...mode, await image(t, "referrers")]);
      const { digest } = t.world.images.multi.top;
      const found = await t.world.api.referrers(t.repo("referrers"), digest);
      assert.equal(found.length, 1);
    },
    async "verify by referrers"(t) {
      const args = [...verify(t, "verify"), "--experimental-oci11"];
      await run(t, [...args, await image(t, "referrers")]);
    },
    async save(t) {
      const args = ["save", "--dir", t.path("saved"), ...PLAIN];
      await run(t, [...args, await image(t, "tagged")]);
    },
    async copy(t) {
      await run(t, [
        ...["copy", "--force", ...PLAIN],
        ...[t.ref("tagged"), t.ref("copied")],
      ]);
      await run(t, [...verify(t, "verify"), await image(t, "copied")]);
    },
    async delete(t) {
      const args = ["clean", "--force", ...PLAIN];
      await run(t, [...args, await image(t, "copied")]);
      await assert.rejects(
        run(t, [...verify(t, "verify"), await image(t, "copied")]),
      );
    },
  },
};

function sign(t: Station): string[] {
  const key = ["--key", t.path("cosign.key")];
  return ["sign", "--yes", OFFLINE, ...PLAIN, ...key];
}

function verify(t: Station, command: string): string[] {
  const key = ["--key", t.path("cosign.pub")];
  return [command, "--insecure-ignore-tlog", ...PLAIN, ...key];
}

async function image(t: Station, name: string): Promise<string> {
  return `${t.ref(name).replace(/:1$/, "")}@${await t.pushed(name)}`;
}

function run(
  t: Station,
  args: readonly string[],
  input?: string,
): Promise<string> {
  return t.run("cosign", args, {
    ...(input === undefined ? {} : { input }),
    env: { COSIGN_PASSWORD: "secret", COSIGN_EXPERIMENTAL: "1" },
  });
}
