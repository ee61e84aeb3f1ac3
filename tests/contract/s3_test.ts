/** The contract on the S3 server that `deno task test:s3` starts and names. */

import assert from "node:assert/strict";
import { S3BlobStore } from "../../lib/storage/s3/s3.ts";
import type { S3Options } from "../../lib/storage/s3/s3_client.ts";
import { emptyBucket, ignore, makeBucket, s3Options } from "../s3/server.ts";
import { collect, noise } from "../support/bytes.ts";
import { rejects } from "../support/rejects.ts";
import { blobStoreContract, type Subject } from "./blob_store_contract.ts";

const MiB = 1024 * 1024;

/** An empty bucket; emptied again when the test ends. */
async function open(): Promise<Subject & { store: S3BlobStore }> {
  await makeBucket();
  const stores: S3BlobStore[] = [];
  const another = () => {
    const extras = { copyLimits: { maxWhole: 6 * MiB, piece: 5 * MiB } };
    const store = new S3BlobStore(s3Options, extras);
    stores.push(store);
    return store;
  };
  const store = another();
  const close = async () => {
    await emptyBucket();
    for (const opened of stores) await opened.close();
  };
  return { store, another, close };
}

blobStoreContract({ name: "s3", open, ignore, runs: 8 });

const test = (
  sentence: string,
  run: (store: S3BlobStore) => Promise<void>,
) =>
  Deno.test({
    name: `s3: ${sentence}`,
    ignore,
    fn: async () => {
      const subject = await open();
      try {
        await run(subject.store);
      } finally {
        await subject.close();
      }
    },
  });

test("a presigned GET needs no credentials, takes headers and ranges", async (store) => {
  const bytes = noise(100_000);
  await store.put("a/did:plc:x/b", bytes, { contentType: "old/type" });
  const { url, method, headers } = await store.presignGet("a/did:plc:x/b", {
    expiresInSeconds: 60,
    contentType: "application/vnd.oci.image.layer.v1.tar+gzip",
    cacheControl: "max-age=5",
  });
  assert.equal(method, "GET");
  assert.deepEqual(headers, {});
  assert.equal(new URL(url).searchParams.get("X-Amz-SignedHeaders"), "host");
  assert.ok(!/checksum/i.test(url), url);
  const whole = await fetch(url, {
    headers: {
      "docker-distribution-api-version": "registry/2.0",
      referer: "http://example.test/v2/",
    },
  });
  assert.equal(whole.status, 200);
  assert.equal(
    whole.headers.get("content-type"),
    "application/vnd.oci.image.layer.v1.tar+gzip",
  );
  assert.equal(whole.headers.get("cache-control"), "max-age=5");
  assert.deepEqual(await collect(whole.body ?? undefined), bytes);
  const part = await fetch(url, { headers: { range: "bytes=10-19" } });
  assert.equal(part.status, 206);
  assert.deepEqual(await collect(part.body ?? undefined), bytes.slice(10, 20));
});

test("a presigned URL for another key, forged or expired is refused", async (store) => {
  await store.put("a", noise(10));
  await store.put("b", noise(10));
  const status = async (url: string, init: RequestInit = {}) => {
    const response = await fetch(url, init);
    await response.body?.cancel();
    return response.status;
  };
  const { url } = await store.presignGet("a", { expiresInSeconds: 60 });
  assert.equal(await status(url), 200);
  assert.equal(await status(url.replace("/a?", "/b?")), 403);
  assert.equal(await status(url.replace(/Signature=../, "Signature=zz")), 403);
  assert.equal(await status(url, { method: "HEAD" }), 403);
  const past = await store.presignGet("a", { expiresInSeconds: 1 });
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(await status(past.url), 403);
});

test("a part can be written by its presigned URL", async (store) => {
  const upload = await store.createMultipart("m", { contentType: "t/t" });
  const first = noise(5 * MiB);
  const last = noise(100);
  const sent = await store.putPart(upload, 1, first);
  const { url, method } = await store.presignPart(upload, 2, {
    expiresInSeconds: 60,
  });
  const response = await fetch(url, { method, body: last });
  await response.body?.cancel();
  assert.equal(response.status, 200);
  const [one, two] = await store.listParts(upload);
  assert.deepEqual(one, sent);
  assert.ok(two);
  assert.equal(`"${two.etag}"`, response.headers.get("etag"));
  const info = await store.completeMultipart(upload, [sent, two]);
  assert.equal(info.size, 5 * MiB + 100);
  assert.equal(info.contentType, "t/t");
});

test("parts that are too small are refused with their limit", async (store) => {
  const upload = await store.createMultipart("m");
  const parts = [
    await store.putPart(upload, 1, noise(10)),
    await store.putPart(upload, 2, noise(10)),
  ];
  await assert.rejects(
    store.completeMultipart(upload, parts),
    /at least 5 MiB/,
  );
});

test("an object too large for one copy is moved in pieces", async (store) => {
  const bytes = noise(12 * MiB + 5);
  await store.put("up/1/data", bytes, {
    contentType: "t/t",
    cacheControl: "max-age=5",
  });
  await store.move("up/1/data", "blobs/did:plc:x/a+b");
  assert.equal(await store.head("up/1/data"), undefined);
  const got = await store.get("blobs/did:plc:x/a+b");
  assert.equal(got?.info.contentType, "t/t");
  assert.equal(got?.info.cacheControl, "max-age=5");
  assert.ok((await collect(got?.body)).every((byte, i) => byte === bytes[i]));
  assert.deepEqual(await Array.fromAsync(store.listMultiparts("")), []);
});

test("more than a page of keys is listed", async (store) => {
  const keys = Array.from({ length: 1005 }, (_, i) => `k/${10_000 + i}`);
  for (let at = 0; at < keys.length; at += 20) {
    await Promise.all(
      keys.slice(at, at + 20).map((key) => store.put(key, noise(1))),
    );
  }
  const listed = [];
  for await (const { key } of store.list("k/")) listed.push(key);
  assert.deepEqual(listed, keys);
});

Deno.test({
  name: "s3: a check reports what is wrong",
  ignore,
  fn: async () => {
    await makeBucket();
    const says = async (changes: Partial<S3Options>, sentence: RegExp) => {
      const store = new S3BlobStore({ ...s3Options, ...changes });
      await rejects(store.check(), "UNAVAILABLE");
      await assert.rejects(store.check(), { operator: sentence });
      await store.close();
    };
    const { host } = new URL(s3Options.endpoint);
    await says({ bucket: "no-such-bucket" }, /no bucket no-such-bucket at/);
    await says(
      { credentials: { ...s3Options.credentials, secretAccessKey: "wrong" } },
      /correct the secret key/,
    );
    await says(
      { credentials: { ...s3Options.credentials, accessKeyId: "NOBODY" } },
      new RegExp(`${host} does not know the access key`),
    );
    await says(
      { endpoint: "http://127.0.0.1:1", attempts: 2 },
      /127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED/,
    );
  },
});
