import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { isAppError, operatorMessage } from "../../errors.ts";
import { FakeS3 } from "../../../tests/support/fake_s3.ts";
import { S3BlobStore } from "./s3.ts";
import { resumableBody } from "./s3_body.ts";
import type { S3Options } from "./s3_client.ts";
import { s3Error } from "./s3_errors.ts";
import { collect } from "../stream.ts";

const options: S3Options = {
  bucket: "blobs",
  region: "eu-west-1",
  credentials: { accessKeyId: "id", secretAccessKey: "secret" },
};
const expiresInSeconds = 60;

async function presigned(changes: Partial<S3Options>): Promise<URL> {
  const store = new S3BlobStore({ ...options, ...changes });
  const { url } = await store.presignGet("a/did:plc:x", { expiresInSeconds });
  await store.close();
  return new URL(url);
}

Deno.test("addresses of AWS name the bucket in the host", async () => {
  const url = await presigned({});
  assert.equal(url.origin, "https://blobs.s3.eu-west-1.amazonaws.com");
});

Deno.test("path style and virtual hosts of other servers", async () => {
  const endpoint = "http://s3.test:9000";
  const path = await presigned({ endpoint, pathStyle: true });
  assert.equal(path.origin, "http://s3.test:9000");
  assert.match(path.pathname, /^\/blobs\/a\/did(:|%3A)plc(:|%3A)x$/);
  const host = await presigned({ endpoint });
  assert.equal(host.origin, "http://blobs.s3.test:9000");
});

Deno.test("URLs are signed for the public endpoint", async () => {
  const inner = { endpoint: "http://10.0.0.5:9000", pathStyle: true };
  const publicEndpoint = "https://s3.example.com";
  const url = await presigned({ ...inner, publicEndpoint });
  assert.equal(url.origin, publicEndpoint);
  const direct = await presigned({ endpoint: publicEndpoint, pathStyle: true });
  assert.equal(url.pathname, direct.pathname);
  assert.equal(url.searchParams.get("X-Amz-SignedHeaders"), "host");
});

Deno.test("the CDN's host replaces the signed one", async () => {
  const inner = { endpoint: "https://s3.test:9000", pathStyle: true };
  const cdn = await presigned({ ...inner, cdnHost: "cdn.example.com" });
  const plain = await presigned(inner);
  assert.equal(cdn.host, "cdn.example.com");
  assert.equal(cdn.pathname, plain.pathname);
  assert.deepEqual(
    [...cdn.searchParams.keys()],
    [...plain.searchParams.keys()],
  );
  const port = await presigned({ ...inner, cdnHost: "cdn.example.com:8443" });
  assert.equal(port.host, "cdn.example.com:8443");
});

Deno.test("a presigned part URL constrains the client only to the upload", async () => {
  const store = new S3BlobStore(options);
  const upload = { key: "a", id: "u1" };
  const { url, method, headers } = await store.presignPart(upload, 3, {
    expiresInSeconds,
  });
  const query = new URL(url).searchParams;
  assert.equal(method, "PUT");
  assert.deepEqual(headers, {});
  assert.equal(query.get("uploadId"), "u1");
  assert.equal(query.get("partNumber"), "3");
  assert.equal(query.get("X-Amz-Expires"), "60");
  assert.equal(query.get("X-Amz-SignedHeaders"), "host");
  assert.ok(!/checksum/i.test(url), url);
  await store.close();
});

Deno.test("permanent URLs use the public host, else the bucket", () => {
  const url = (changes: Partial<S3Options>) =>
    new S3BlobStore({ ...options, ...changes }).publicUrl("a/did:plc:x/1+1");
  assert.equal(
    url({ publicHost: "cdn.example.com" }),
    "https://cdn.example.com/a/did:plc:x/1%2B1",
  );
  assert.equal(
    url({}),
    "https://blobs.s3.eu-west-1.amazonaws.com/a/did:plc:x/1%2B1",
  );
  assert.equal(
    url({ endpoint: "http://s3.test:9000", pathStyle: true }),
    "http://s3.test:9000/blobs/a/did:plc:x/1%2B1",
  );
  assert.equal(
    url({ endpoint: "https://s3.test/storage/v1/s3", pathStyle: true }),
    "https://s3.test/storage/v1/s3/blobs/a/did:plc:x/1%2B1",
  );
  assert.equal(
    url({ endpoint: "https://s3.test/storage" }),
    "https://blobs.s3.test/storage/a/did:plc:x/1%2B1",
  );
  assert.equal(
    url({
      endpoint: "http://10.0.0.3:9000",
      publicEndpoint: "https://s3.test/public",
      pathStyle: true,
    }),
    "https://s3.test/public/blobs/a/did:plc:x/1%2B1",
  );
});

Deno.test("the path of an endpoint comes before the bucket", async () => {
  await using server = new FakeS3({ isPublic: true });
  const store = new S3BlobStore({
    ...options,
    endpoint: `${server.endpoint}/storage/v1/s3`,
    pathStyle: true,
  });
  await store.put("a/b", new Uint8Array([1, 2]), { contentType: "text/plain" });
  assert.deepEqual(server.keys("storage"), ["v1/s3/blobs/a/b"]);
  assert.equal((await store.head("a/b"))?.size, 2);
  const open = await fetch(store.publicUrl("a/b"));
  assert.deepEqual(
    new Uint8Array(await open.arrayBuffer()),
    new Uint8Array([1, 2]),
  );
  await store.delete("a/b");
  assert.equal(await store.head("a/b"), undefined);
  await store.close();
});

Deno.test("server errors become sentences for the operator", () => {
  const place = { bucket: "blobs", host: "s3.test" };
  const says = (name: string, status?: number) =>
    s3Error(
      Object.assign(new Error("secret details"), {
        name,
        $metadata: { httpStatusCode: status },
      }),
      place,
      { key: "a", id: "b" },
    );
  const cases = [
    ["NoSuchUpload", 404, "BLOB_UPLOAD_UNKNOWN", /start the upload again/],
    ["NoSuchKey", 404, "BLOB_UPLOAD_UNKNOWN", /start the upload again/],
    ["InvalidPart", 400, "BLOB_UPLOAD_INVALID", /send the parts again/],
    ["EntityTooSmall", 400, "BLOB_UPLOAD_INVALID", /5 MiB/],
    ["InvalidRange", 416, "RANGE_INVALID", /outside/],
    ["QuotaExceeded", 403, "STORAGE_FULL", /bucket blobs is full/],
    ["NoSuchBucket", 404, "UNAVAILABLE", /no bucket blobs at s3.test/],
    ["RequestTimeTooSkewed", 403, "UNAVAILABLE", /set the clock/],
    ["SignatureDoesNotMatch", 403, "UNAVAILABLE", /secret key/],
    ["AccessDenied", 403, "UNAVAILABLE", /denies access to the bucket blobs/],
    ["PermanentRedirect", 301, "UNAVAILABLE", /another region/],
    ["SlowDown", 503, "UNAVAILABLE", /answered 503 SlowDown/],
    ["CredentialsProviderError", undefined, "UNAVAILABLE", /no credentials/],
    ["Error", undefined, "UNAVAILABLE", /s3.test cannot be reached/],
  ] as const;
  for (const [name, status, code, sentence] of cases) {
    const error = says(name, status);
    assert.equal(error.code, code, name);
    assert.match(operatorMessage(error), sentence);
    assert.doesNotMatch(error.message, /s3\.test|bucket/, name);
    const retry = code === "UNAVAILABLE" ? 5 : undefined;
    assert.equal(error.retryAfterSeconds, retry, name);
  }
});

/** A body that yields these chunks and then `end`s or breaks. */
function answer(chunks: number[][], breaks: boolean): Readable {
  return Readable.from((function* () {
    for (const chunk of chunks) yield Uint8Array.from(chunk);
    if (breaks) throw new Error("cut");
  })());
}

Deno.test("a broken body is resumed where it broke", async () => {
  const asked: number[] = [];
  const body = resumableBody({
    slice: { start: 10, length: 6 },
    first: answer([[1, 2]], true),
    resume: (start) => {
      asked.push(start);
      const rest = start === 12 ? [[3]] : [[4, 5], [6]];
      return Promise.resolve(answer(rest, start === 12));
    },
    idleTimeoutMs: 1000,
  });
  assert.deepEqual(
    await collect(body, 100),
    Uint8Array.from([1, 2, 3, 4, 5, 6]),
  );
  assert.deepEqual(asked, [12, 13]);
});

Deno.test("a body that stays truncated fails and never looks complete", async () => {
  let asked = 0;
  const body = resumableBody({
    slice: { start: 0, length: 3 },
    first: answer([[1, 2]], false),
    resume: () => {
      asked++;
      return Promise.resolve(answer([], false));
    },
    idleTimeoutMs: 1000,
  });
  await assert.rejects(collect(body, 100), /ended before its length/);
  assert.equal(asked, 5);
});

Deno.test("a stalled body is aborted and requested again", async () => {
  const silent = new Readable({ read: () => {} });
  const body = resumableBody({
    slice: { start: 0, length: 1 },
    first: silent,
    resume: () => Promise.resolve(answer([[7]], false)),
    idleTimeoutMs: 10,
  });
  assert.deepEqual(await collect(body, 100), Uint8Array.from([7]));
  assert.ok(silent.destroyed);
});

Deno.test("cancelling a body closes its connection", async () => {
  const first = new Readable({ read: () => {} });
  first.push(Uint8Array.from([1]));
  const body = resumableBody({
    slice: { start: 0, length: 9 },
    first,
    resume: () => Promise.reject(new Error("not asked for")),
    idleTimeoutMs: 1000,
  });
  const reader = body.getReader();
  await reader.read();
  await reader.cancel();
  assert.ok(first.destroyed);
});

Deno.test("a part from a stream is buffered only up to the limit", async () => {
  let pulled = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled++;
      controller.enqueue(new Uint8Array(100));
    },
  });
  await assert.rejects(
    collect(endless, 1000),
    (error) => isAppError(error, "TOO_LARGE"),
  );
  assert.ok(pulled <= 13);
});
