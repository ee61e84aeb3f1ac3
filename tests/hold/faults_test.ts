/** Pushes while one in ten responses of S3 fails; on the server that `deno task test:s3` names. */

import assert from "node:assert/strict";
import { inParallel } from "../../lib/async/in_parallel.ts";
import { S3BlobStore } from "../../lib/storage/s3/s3.ts";
import { type Fault, FAULTS, startFaultProxy } from "../s3/fault_proxy.ts";
import { ignore, s3Options, withBucket } from "../s3/server.ts";
import {
  type Blob,
  digestOf,
  imageManifest,
  randomBlob,
} from "../support/oci.ts";
import { say } from "../tools/command.ts";
import { call, header, Repository } from "../support/registry.ts";
import { type InProcess, startInProcess } from "./in_process.ts";

const PUSHES = 500;
const AT_ONCE = 6;
const SHARE = 0.1;

/** A client such as docker sends a blob again so often when the registry is in trouble. */
const TRIES = 5;

/** Every push of so many has a layer of several parts. */
const BIG_EVERY = 25;

const DAY_MS = 24 * 3_600_000;

/** Picks faults, the same ones at every run. */
function faults(seed: number): () => Fault | undefined {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return () =>
    next() < SHARE ? FAULTS[Math.floor(next() * FAULTS.length)] : undefined;
}

/** Pushes as docker does: what fails on the other side is sent again. Returns how often it failed. */
async function push(repository: Repository, blob: Blob): Promise<number> {
  for (let failed = 0; failed < TRIES; failed++) {
    const start = await repository.send("POST", "blobs/uploads/");
    if (start.status >= 500) continue;
    assert.equal(start.status, 202);
    const location = header(start, "location");
    const sent = await repository.send("PATCH", location, {
      body: blob.bytes,
    });
    if (sent.status >= 500) continue;
    assert.equal(sent.status, 202);
    const done = await repository.finishUpload(location, blob.digest);
    if (done.status >= 500) continue;
    assert.equal(done.status, 201);
    return failed;
  }
  throw new Error(`The push of ${blob.digest} failed ${TRIES} times.`);
}

/** Reads a blob the way a client does, along the redirect. */
async function pull(repository: Repository, digest: string) {
  const answer = await repository.send("GET", `blobs/${digest}`);
  if (answer.status === 200) return answer.bytes;
  assert.equal(answer.status, 307);
  const stored = await call(header(answer, "location"), "GET");
  assert.equal(stored.status, 200);
  return stored.bytes;
}

async function pushImage(
  server: InProcess,
  n: number,
): Promise<{ digests: string[]; failed: number }> {
  const repository = new Repository(
    server,
    server.alice,
    `alice.test/faults-${n % 10}`,
  );
  const size = n % BIG_EVERY === 0 ? 11_000_000 + n : 1 + (n * 997) % 200_000;
  const [config, layer] = [randomBlob(200), randomBlob(size)];
  const failed = await push(repository, config) + await push(repository, layer);
  const image = imageManifest(config, [layer]);
  const put = await repository.putManifest(image, `v${n}`);
  assert.equal(put.status, 201);
  return { digests: [config.digest, layer.digest], failed };
}

/** Calls `work` for the number of each push, some at a time. */
async function forEachPush(work: (n: number) => Promise<void>): Promise<void> {
  await inParallel(Array.from({ length: PUSHES }, (_, n) => n), AT_ONCE, work);
}

Deno.test({
  name:
    `${PUSHES} pushes while S3 spoils one answer in ten store every byte and leave nothing else`,
  ignore,
  fn: () =>
    withBucket(async () => {
      const proxy = await startFaultProxy(s3Options.endpoint);
      const store = new S3BlobStore({
        ...s3Options,
        endpoint: proxy.url,
        publicEndpoint: s3Options.endpoint,
        idleTimeoutMs: 1_000,
      });
      const server = await startInProcess(store);
      try {
        proxy.choose = faults(7);
        const images: string[][] = [];
        let failed = 0;
        await forEachPush(async (n) => {
          const image = await pushImage(server, n);
          images[n] = image.digests;
          failed += image.failed;
        });
        proxy.choose = () => undefined;
        const spoilt = Object.values(proxy.counts).reduce((a, b) => a + b, 0);
        await say(
          `${proxy.requests} requests to S3, ${spoilt} spoilt ` +
            `(${JSON.stringify(proxy.counts)}); ` +
            `${failed} blobs had to be sent again`,
        );
        assert.ok(spoilt > proxy.requests * SHARE * 0.8);

        await forEachPush(async (n) => {
          const name = `alice.test/faults-${n % 10}`;
          const repository = new Repository(server, server.alice, name);
          for (const digest of images[n] ?? []) {
            const bytes = await pull(repository, digest);
            assert.equal(digestOf(bytes), digest);
          }
        });

        server.advance(2 * DAY_MS);
        await server.ctx.hold?.uploads.sweep();
        assert.deepEqual(await Array.fromAsync(store.listMultiparts("")), []);
        const kept = await Array.fromAsync(store.list(""), ({ key }) => key);
        assert.deepEqual(kept.filter((key) => !key.includes("/blobs/")), []);
        assert.equal(kept.length, new Set(images.flat()).size);
      } finally {
        await server[Symbol.asyncDispose]();
        await store.close();
        await proxy.close();
      }
    }),
});
