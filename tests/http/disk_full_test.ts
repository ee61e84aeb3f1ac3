/** A full disk: reported as such, nothing stored partly, and the server keeps working. */

import assert from "node:assert/strict";
import { type Blob, randomBlob } from "../support/oci.ts";
import { expect, expectError, Repository } from "../support/registry.ts";
import { startServer } from "../support/server.ts";
import { filesOf } from "../support/state.ts";

const MB = 1024 * 1024;

/** A small disk in memory; undefined where this user may not mount one. */
async function smallDisk(bytes: number) {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return undefined;
  const path = await Deno.makeTempDir({ prefix: "atcr-disk-" });
  const run = async (program: string, ...args: string[]) => {
    const command = new Deno.Command(program, {
      args,
      stdout: "null",
      stderr: "null",
    });
    return (await command.output()).success;
  };
  const mounted = await run(
    "mount",
    ...["-t", "tmpfs", "-o", `size=${bytes}`, "atcr-test", path],
  ).catch(() => false);
  const remove = async () => {
    if (mounted) await run("umount", "-l", path);
    await Deno.remove(path);
  };
  if (mounted) return { path, [Symbol.asyncDispose]: remove };
  await remove();
  return undefined;
}

const mountable = await (async () => {
  await using disk = await smallDisk(MB);
  return disk !== undefined;
})();

/** All ways to send a blob that does not fit; many clients do not cancel failed uploads. */
const WAYS: Record<
  string,
  (repository: Repository, blob: Blob) => Promise<void>
> = {
  "as one stream": async (repository, { bytes }) => {
    const location = await repository.startUpload();
    const patch = await repository.send("PATCH", location, {
      body: new Response(bytes).body ?? "",
    });
    assertFull(patch);
    const status = await repository.send("GET", location);
    assert.equal(expect(status, 204).headers.get("range"), "0-0");
  },
  "in chunks": async (repository, { bytes }) => {
    const location = await repository.startUpload();
    const middle = 2 * MB;
    const first = { body: bytes.slice(0, middle) };
    expect(await repository.send("PATCH", location, first), 202);
    const rest = { body: bytes.slice(middle) };
    assertFull(await repository.send("PATCH", location, rest));
    // Acknowledged bytes stay, so that the client can continue when there is space.
    const status = await repository.send("GET", location);
    assert.equal(expect(status, 204).headers.get("range"), `0-${middle - 1}`);
    expect(await repository.send("DELETE", location), 204);
  },
  "with the closing request": async (repository, { bytes, digest }) => {
    const location = await repository.startUpload();
    assertFull(
      await repository.finishUpload(location, digest, { body: bytes }),
    );
  },
  "in a single request": async (repository, { bytes, digest }) => {
    const path = `blobs/uploads/?digest=${digest}`;
    assertFull(await repository.send("POST", path, { body: bytes }));
  },
};

function assertFull(answer: Awaited<ReturnType<Repository["send"]>>): void {
  const { message } = expectError(answer, 507, "UNAVAILABLE");
  assert.match(message, /storage is full/);
}

Deno.test({
  name: "a full disk refuses the blob, deletes its bytes and accepts the next",
  ignore: !mountable, // needs the right to mount a small disk
  fn: async (t) => {
    await using disk = await smallDisk(8 * MB);
    assert.ok(disk);
    await using server = await startServer({
      env: { ATCR_STORAGE_ROOT_DIR: `${disk.path}/blobs` },
    });
    const repository = new Repository(server, server.alice, "alice.test/app");
    const image = await repository.pushImage("kept");
    const before = await filesOf(disk.path);
    for (const [way, send] of Object.entries(WAYS)) {
      await t.step(way, async () => {
        const blob = randomBlob(12 * MB);
        await send(repository, blob);
        assert.deepEqual(await filesOf(disk.path), before);
        const get = await repository.send("GET", `blobs/${blob.digest}`);
        expectError(get, 404, "BLOB_UNKNOWN");
      });
    }
    await t.step(
      "a blob that fits is accepted, existing ones are intact",
      async () => {
        await repository.pushBlob(randomBlob(3 * MB));
        await repository.pushImage("next");
        const get = await repository.send("GET", "manifests/kept");
        assert.deepEqual(expect(get, 200).bytes, image.bytes);
        expect(await repository.send("GET", `${server.origin}/readyz`), 200);
      },
    );
  },
});
