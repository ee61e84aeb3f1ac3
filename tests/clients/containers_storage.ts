/**
 * What podman and buildah have in common: commands, flags, and the storage of
 * images that skopeo fills.
 *
 * @module
 */

import assert from "node:assert/strict";
import { forgetBlobs } from "./engine.ts";
import type { Station } from "./suite.ts";

/** A program on that storage. */
export type StorageProgram = "podman" | "buildah";

/** The registry is reached without TLS. */
export const PLAIN = "--tls-verify=false";

/** Logs alice in. */
export async function login(
  t: Station,
  program: StorageProgram,
): Promise<void> {
  const { host, alice } = t.world;
  const user = ["-u", alice.handle, "--password-stdin"];
  await t.run(program, ["login", PLAIN, ...user, host], {
    input: alice.appPassword,
  });
}

/** Pushes the big image, put into the storage as `image`, to `destination`. */
export async function pushBig(
  t: Station,
  program: StorageProgram,
  image: string,
  destination: string,
): Promise<void> {
  await forgetBlobs();
  await t.run("skopeo", [
    "copy",
    `oci:${t.world.images.big.folder}:1`,
    `containers-storage:${image}`,
  ]);
  const file = t.path("digest");
  await t.run(program, [
    ...["push", PLAIN, "--digestfile", file],
    ...[image, destination],
  ]);
  assert.equal(await Deno.readTextFile(file), await t.pushed("big"));
}
