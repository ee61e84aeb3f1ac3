/**
 * The S3 server that tests use: `deno task test:s3` starts it and names it in
 * `TEST_S3_ENDPOINT`, `TEST_S3_ACCESS_KEY` and `TEST_S3_SECRET_KEY`.
 *
 * @module
 */

import { S3 } from "@aws-sdk/client-s3";
import { inParallel } from "../../lib/async/in_parallel.ts";
import { S3BlobStore } from "../../lib/storage/s3/s3.ts";

const endpoint = Deno.env.get("TEST_S3_ENDPOINT") ?? "";

/** Tests on S3 are skipped when no server is named. */
export const ignore = endpoint === "";

/** Options of a driver for the bucket of this run. */
export const s3Options = {
  bucket: `contract-${crypto.randomUUID()}`,
  region: "us-east-1",
  endpoint: ignore ? "http://127.0.0.1:1" : endpoint,
  pathStyle: true,
  credentials: {
    accessKeyId: Deno.env.get("TEST_S3_ACCESS_KEY") ?? "",
    secretAccessKey: Deno.env.get("TEST_S3_SECRET_KEY") ?? "",
  },
};

const DELETES_AT_ONCE = 16;

let bucketMade = false;

/** Makes the bucket of this run. */
export async function makeBucket(): Promise<void> {
  if (bucketMade) return;
  const { bucket, pathStyle, ...options } = s3Options;
  const s3 = new S3({ ...options, forcePathStyle: pathStyle });
  await s3.createBucket({ Bucket: bucket });
  s3.destroy();
  bucketMade = true;
}

/** Removes all objects and uploads of the bucket. */
export async function emptyBucket(): Promise<void> {
  const store = new S3BlobStore(s3Options);
  for await (const { upload } of store.listMultiparts("")) {
    await store.abortMultipart(upload);
  }
  const keys = await Array.fromAsync(store.list(""), ({ key }) => key);
  await inParallel(keys, DELETES_AT_ONCE, (key) => store.delete(key));
  await store.close();
}

/** Runs `work` with an empty bucket and empties it again. */
export async function withBucket(work: () => Promise<void>): Promise<void> {
  await makeBucket();
  try {
    await work();
  } finally {
    await emptyBucket();
  }
}
