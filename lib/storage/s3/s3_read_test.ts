import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { S3BlobStore } from "./s3.ts";

/** A server that responds to every request with `headers` and ten bytes. */
async function withServer(
  answer: { status: number; headers: Record<string, string> },
  test: (store: S3BlobStore) => Promise<void>,
): Promise<void> {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(new Uint8Array(10), answer),
  );
  const store = new S3BlobStore({
    bucket: "b",
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${server.addr.port}`,
    pathStyle: true,
    credentials: { accessKeyId: "x", secretAccessKey: "y" },
    attempts: 1,
  });
  try {
    await test(store);
  } finally {
    await store.close();
    await server.shutdown();
  }
}

Deno.test("bytes of a range other than the requested one are refused", async () => {
  const wrong = [
    { status: 206, headers: { "content-range": "bytes 0-9/1000" } },
    { status: 206, headers: { "content-range": "nonsense" } },
    { status: 206, headers: {} },
    { status: 200, headers: { "content-length": "10" } },
  ];
  for (const answer of wrong) {
    await withServer(answer, async (store) => {
      await assert.rejects(
        store.get("a", { start: 500, end: 509 }),
        (error) => isAppError(error, "UNAVAILABLE"),
        JSON.stringify(answer),
      );
    });
  }
  const right = {
    status: 206,
    headers: { "content-range": "bytes 500-509/1000" },
  };
  await withServer(right, async (store) => {
    const got = await store.get("a", { start: 500, end: 509 });
    assert.equal(got?.info.size, 1000);
    assert.equal((await new Response(got?.body).arrayBuffer()).byteLength, 10);
  });
  await withServer(right, async (store) => {
    await assert.rejects(
      store.get("a"),
      (error) => isAppError(error, "UNAVAILABLE"),
    );
  });
});
