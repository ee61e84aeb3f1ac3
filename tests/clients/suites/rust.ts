/**
 * The registry clients of Rust, which are libraries: `tests/clients/rust` gives
 * them a command line.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../tools/command.ts";
import { findProgram, TOOLS_DIR } from "../../tools/paths.ts";
import { Skip, type Station, type Suite } from "../suite.ts";

const CRATES = {
  "oci-client": "0.18.0",
  "oci-distribution": "0.11.0",
} as const;
const SOURCE = new URL("../rust", import.meta.url).pathname;
const TARGET = join(TOOLS_DIR, "rust-clients");
/** 250 crates, on a machine that has other work. */
const BUILD_LIMIT_MS = 40 * 60_000;
/** More than one of the pieces that the crates send layers in (4 MiB). */
const LAYER_BYTES = 9_000_000;

/** The client that is maintained. */
export const ociClient = suite("oci-client");
/** The one that it comes from, which programs still use. */
export const ociDistribution = suite("oci-distribution");

function suite(crate: keyof typeof CRATES): Suite {
  const act = (t: Station, action: string, ref: string, argument = "") => {
    const { handle, appPassword } = t.world.alice;
    const env = { ATCR_USER: handle, ATCR_PASSWORD: appPassword };
    return command(t, [crate, action, ref, argument], env);
  };
  return {
    name: crate,
    programs: ["cargo"],
    version: () => Promise.resolve(CRATES[crate]),
    absent: { delete: `${crate} has no function that deletes` },
    actions: {
      async login(t) {
        await act(t, "login", t.ref("image"));
        const env = {
          ATCR_USER: t.world.alice.handle,
          ATCR_PASSWORD: t.world.bob.appPassword,
        };
        const wrong = command(t, [crate, "login", t.ref("image")], env);
        await assert.rejects(wrong);
      },
      async push(t) {
        await act(t, "push", t.ref("image"), `${LAYER_BYTES}`);
        const digest = await act(t, "digest", t.ref("image"));
        assert.equal(digest, await t.pushed("image"));
      },
      async pull(t) {
        assert.equal(await act(t, "pull", t.ref("image")), `${LAYER_BYTES}`);
      },
      async "pull without login"(t) {
        const said = await command(t, [crate, "pull", t.ref("image")], {});
        assert.equal(said, `${LAYER_BYTES}`);
      },
      async list(t) {
        assert.equal(await act(t, "tags", t.ref("image")), "1");
      },
      async "mount of a blob"(t) {
        const bytes = await t.world.api.manifest(t.repo("image"), "1");
        const { layers: [{ digest }] } = JSON.parse(
          new TextDecoder().decode(bytes),
        );
        const blob = `${t.repo("image")}@${digest}`;
        await act(t, "mount", t.ref("mounted"), blob);
        const path = `blobs/${digest}`;
        const found = await t.world.api.request(
          t.repo("mounted"),
          "HEAD",
          path,
        );
        assert.equal(found.status, 200);
      },
      async "multi-arch"(t) {
        const { folder, top } = t.world.images.multi;
        await t.world.api.pushLayout(folder, t.repo("multi"), top, "1");
        const bytes = await t.world.api.manifest(t.repo("multi"), "1");
        const index = new TextDecoder().decode(bytes);
        await act(t, "index", t.ref("multi", "2"), index);
        assert.deepEqual(
          await t.world.api.children(t.repo("multi"), "2"),
          await t.world.api.children(t.repo("multi"), "1"),
        );
      },
    },
  };
}

/** Runs the program, which is built from its source at its first use. */
async function command(
  t: Station,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const cargo = await findProgram("cargo");
  if (cargo === undefined) throw new Skip("cargo is not installed");
  await run(cargo, ["build", "--quiet", "--release", "--locked"], {
    cwd: SOURCE,
    env: { CARGO_TARGET_DIR: TARGET },
    limitMs: BUILD_LIMIT_MS,
  });
  return await t.run(join(TARGET, "release", "rust-clients"), args, { env });
}
