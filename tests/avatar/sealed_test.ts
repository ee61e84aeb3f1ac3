/**
 * The program without a disk, in 512 MB, as on Deno Deploy. Left out where a
 * server for the test is missing: `deno task tools versitygw denokv`.
 */

import assert from "node:assert/strict";
import { sniff } from "../../lib/avatar/image/sniff/sniff.ts";
import { fixture } from "../support/images.ts";
import { setAvatar } from "../support/profile.ts";
import { Repository } from "../support/registry.ts";
import { hasRemoteKv } from "../support/remote_kv.ts";
import { findProgram } from "../tools/paths.ts";
import { graphic } from "./photos.ts";
import { say } from "./say.ts";
import { means, MEMORY_MIB, type Sealed, startSealed } from "./sealed.ts";

const ignore = !hasRemoteKv || await findProgram("versitygw") === undefined;
if (ignore) {
  say(
    "left out: needs versitygw and denokv (deno task tools versitygw denokv)",
  );
}
const IMMUTABLE = "public, max-age=31536000, immutable";
/** Sides of square PNGs; the larger one is near the limit of what is accepted. */
const LARGE = [3000, 4400];
const later = () => new Promise((resolve) => setTimeout(resolve, 1200));

async function get(url: string): Promise<Response> {
  return await fetch(url, { redirect: "manual" });
}

/** A client that retries as requested by the server. */
async function getPatiently(url: string): Promise<Response> {
  for (let tries = 1;; tries++) {
    const response = await get(url);
    if (response.status !== 503 || tries === 10) return response;
    await response.body?.cancel();
    const seconds = Number(response.headers.get("retry-after"));
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}

/** Requests a variant, follows the redirect and returns its URL and its pixels. */
async function shown(sealed: Sealed, query: string) {
  const { program, sandbox } = sealed;
  const redirect = await getPatiently(
    `${program.origin}/${sandbox.alice.did}${query}`,
  );
  const text = await redirect.text();
  assert.equal(redirect.status, 302, text);
  const location = redirect.headers.get("location") ?? "";
  const object = await get(location);
  assert.equal(object.status, 200, location);
  assert.equal(object.headers.get("cache-control"), IMMUTABLE);
  const info = sniff(new Uint8Array(await object.arrayBuffer()));
  return { location, size: [info?.width, info?.height] };
}

async function avatarFlows(sealed: Sealed): Promise<void> {
  const { program, sandbox, s3 } = sealed;
  const ready = await get(`${program.origin}/readyz`);
  assert.equal(ready.status, 200, await ready.text());
  const first = await setAvatar(
    sandbox,
    sandbox.alice,
    fixture("jpeg/photo-256.jpg"),
  );
  const small = await shown(sealed, "?w=64&h=64");
  assert.deepEqual(small.size, [64, 64]);
  assert.ok(small.location.startsWith(s3.endpoint), small.location);
  assert.match(small.location, new RegExp(`${first}/w64-h64-q85\\.webp$`));
  const png = await shown(sealed, "?w=100&f=png");
  assert.deepEqual(png.size, [100, 100]);

  const second = await setAvatar(
    sandbox,
    sandbox.alice,
    fixture("orient/jpeg-o6.jpg"),
  );
  await later();
  assert.match((await shown(sealed, "?w=64")).location, new RegExp(second));

  for (const side of LARGE) {
    await setAvatar(sandbox, sandbox.alice, await graphic(side));
    await later();
    await Promise.all(
      ["", "?w=2000&f=png", "?w=1500&f=jpg", "?w=900", "?w=333&h=111"]
        .map((query) => shown(sealed, query)),
    );
  }
  await sandbox.stop();
  await later();
  const stale = await get(
    `${program.origin}/${sandbox.alice.did}?w=900`,
  );
  assert.equal(stale.status, 302);
  assert.equal(stale.headers.get("x-cache"), "stale");
}

/** Nothing was written, nothing failed, and memory was kept. */
async function checkAfter(
  sealed: Sealed,
  what: string,
  onThreads = true,
): Promise<void> {
  const log = sealed.program.log();
  const bad = log.split("\n").filter((line) =>
    line.includes('"level":"error"')
  );
  assert.deepEqual(bad, []);
  assert.equal(log.includes("rendered on the main thread"), !onThreads);
  const status = await Deno.readTextFile(`/proc/${sealed.program.pid}/status`);
  const peak = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024;
  const counted = await sealed.peakMebibytes();
  say(
    `${what}: peak ${peak.toFixed(0)} MiB resident, ${
      counted === undefined
        ? "not limited by the kernel"
        : `${
          counted.toFixed(0)
        } MiB counted by the kernel, which ends it at ${MEMORY_MIB}`
    }; ${
      means.readOnlyDisk ? "disk read-only" : "disk writable"
    }, no right to write`,
  );
  assert.ok((counted ?? peak) <= MEMORY_MIB);
}

Deno.test({
  name: "avatars run without a disk, in 512 MB",
  ignore,
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using sealed = await startSealed("avatar", true);
    await avatarFlows(sealed);
    await checkAfter(sealed, "avatar");
  },
});

Deno.test({
  name: "avatars run without file permissions, on one thread",
  ignore,
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using sealed = await startSealed("avatar", false);
    await avatarFlows(sealed);
    await checkAfter(sealed, "avatar without any right to files", false);
  },
});

Deno.test({
  name: "registry, hold and avatars run together without a disk, in 512 MB",
  ignore,
  sanitizeResources: false,
  sanitizeOps: false,
  async fn() {
    await using sealed = await startSealed("registry,hold,avatar", true);
    const { program, sandbox } = sealed;
    const name = sandbox.alice.did.replaceAll(":", "-");
    const alice = { ...sandbox.alice, handle: sandbox.alice.did };
    const repository = new Repository(program, alice, `${name}/app`);
    const image = await repository.pushImage("v1");
    const pulled = await repository.send("GET", "manifests/v1");
    assert.equal(pulled.status, 200);
    assert.deepEqual(pulled.bytes, image.bytes);
    await avatarFlows(sealed);
    await checkAfter(sealed, "registry, hold and avatar");
  },
});
