/**
 * Deletes of a manifest with many tags: invisible to every reader at once, even
 * if the server dies right after it.
 */

import assert from "node:assert/strict";
import { z } from "zod";
import { imageManifest, randomBlob } from "../support/oci.ts";
import { expect, Repository } from "../support/registry.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const TAGS = 400;

const page = z.object({
  records: z.array(z.object({ uri: z.string() })),
  cursor: z.string().optional(),
});

/** Keys of all records of a collection. */
async function rkeysOf(
  pds: string,
  repo: string,
  collection: string,
): Promise<string[]> {
  const rkeys: string[] = [];
  let cursor: string | undefined;
  do {
    const url = new URL("/xrpc/com.atproto.repo.listRecords", pds);
    url.search = new URLSearchParams({
      ...{ repo, collection, limit: "100" },
      ...(cursor === undefined ? {} : { cursor }),
    }).toString();
    const answer = page.parse(await (await fetch(url)).json());
    for (const { uri } of answer.records) {
      rkeys.push(uri.slice(uri.lastIndexOf("/") + 1));
    }
    cursor = answer.records.length > 0 ? answer.cursor : undefined;
  } while (cursor !== undefined);
  return rkeys;
}

Deno.test("a manifest with hundreds of tags is deleted at once and permanently, even if the server is killed", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-tags-" });
  let server = await startServer({ dataDir });
  const { ports } = server;
  const alices = () => new Repository(server, server.alice, "alice.test/app");
  const config = randomBlob(100);
  await alices().pushBlob(config);
  const image = imageManifest(config, []);
  for (let i = 0; i < TAGS; i += 50) {
    const tags = Array.from({ length: 50 }, (_, j) => `tag=t${i + j}`);
    const query = `?${tags.join("&")}`;
    expect(await alices().putManifest(image, image.digest, query), 201);
  }
  const kept = await alices().pushImage("kept");
  const isGone = async () => {
    const repository = alices();
    assert.deepEqual(await repository.tags(), ["kept"]);
    for (const reference of ["t0", `t${TAGS - 1}`, image.digest]) {
      expect(await repository.send("HEAD", `manifests/${reference}`), 404);
    }
    expect(await repository.send("HEAD", "manifests/kept"), 200);
  };

  const repository = alices();
  expect(await repository.send("DELETE", `manifests/${image.digest}`), 202);
  await server.stop("SIGKILL");
  server = await startServer({ dataDir, ports });
  await isGone();
  const { pds, alice } = server;
  await until(async () => {
    const left = await rkeysOf(pds, alice.did, "io.atcr.tag");
    return left.length === 1;
  }, () => rkeysOf(pds, alice.did, "io.atcr.tag"));
  assert.deepEqual(
    await rkeysOf(pds, alice.did, "io.atcr.manifest"),
    [kept.digest.slice("sha256:".length)],
  );
  await isGone();

  // The name is free again.
  const again = await alices().pushImage("t0");
  const get = await alices().send("GET", "manifests/t0");
  assert.deepEqual(expect(get, 200).bytes, again.bytes);
  await server.stop();
  await Deno.remove(dataDir, { recursive: true });
});
