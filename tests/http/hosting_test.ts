/** Deactivated accounts: their content is not served until they are reactivated. */

import assert from "node:assert/strict";
import { z } from "zod";
import { asOwner } from "../support/pds.ts";
import { expect, expectError, Repository } from "../support/registry.ts";
import { createAccount } from "../support/sandbox.ts";
import { startServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const image = z.object({ layers: z.array(z.object({ digest: z.string() })) });

function layersOf(manifest: Uint8Array): { digest: string }[] {
  return image.parse(JSON.parse(new TextDecoder().decode(manifest))).layers;
}

Deno.test("manifests, tags, lists and blobs of a deactivated account are not served until it is reactivated", async () => {
  await using server = await startServer({
    env: { ATCR_REGISTRY_TAG_RECHECK_SECONDS: "1" },
  });
  const frida = await createAccount(server, "frida.test");
  const gustav = await createAccount(server, "gustav.test");
  const own = new Repository(server, frida, "frida.test/app");
  const pushed = await own.pushImage("v1");
  const [layer] = layersOf(pushed.bytes);
  assert.ok(layer);
  const other = new Repository(server, gustav, "gustav.test/app");
  await other.pushImage("v1");
  const anyone = new Repository(server, undefined, "frida.test/app");
  const paths = [
    "manifests/v1",
    `manifests/${pushed.digest}`,
    `blobs/${layer.digest}`,
    "tags/list",
  ];
  for (const path of paths) expect(await anyone.send("GET", path), 200);

  await asOwner(server.pds, frida, "com.atproto.server.deactivateAccount", {});
  await until(async () =>
    (await anyone.send("GET", "manifests/v1")).status === 404
  );
  for (const path of paths) {
    const refused = await anyone.send("GET", path);
    const { message } = expectError(refused, 404, "NAME_UNKNOWN");
    assert.match(message, /frida\.test is deactivated at its PDS/);
    expect(await anyone.send("HEAD", path), 404);
  }
  const referrers = await anyone.send("GET", `referrers/${pushed.digest}`);
  assert.match(
    new TextDecoder().decode(expect(referrers, 200).bytes),
    /"manifests":\[\]/,
  );
  const catalog = async () => {
    const answer = await other.send("GET", `${server.origin}/v2/_catalog`);
    return new TextDecoder().decode(expect(answer, 200).bytes);
  };
  assert.doesNotMatch(await catalog(), /frida\.test/);
  assert.match(await catalog(), /gustav\.test/);
  const mount = await other.send(
    "POST",
    `blobs/uploads/?mount=${layer.digest}&from=frida.test/app`,
  );
  assert.equal(mount.status, 202, "a blob was mounted from the account");
  for (const query of ["", `?mount=${layer.digest}&from=gustav.test/app`]) {
    const upload = await own.send("POST", `blobs/uploads/${query}`);
    const { message } = expectError(upload, 404, "NAME_UNKNOWN");
    assert.match(message, /frida\.test is deactivated at its PDS/);
  }
  expect(await other.send("GET", "manifests/v1"), 200);

  await asOwner(server.pds, frida, "com.atproto.server.activateAccount");
  await until(async () =>
    (await anyone.send("GET", "manifests/v1")).status === 200
  );
  for (const path of paths) expect(await anyone.send("GET", path), 200);
  await own.pushImage("v2");
  assert.deepEqual(await own.tags(), ["v1", "v2"]);
  assert.match(await catalog(), /frida\.test/);
});
