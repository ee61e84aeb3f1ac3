/**
 * Servers that accept a part slowly, or stop accepting or responding: on real
 * sockets, because their progress events are what is tested.
 */

import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { S3BlobStore } from "./s3.ts";

const MiB = 1024 * 1024;

/** More than both systems buffer for a connection that is not read. */
const BYTES = new Uint8Array(24 * MiB).fill(7);

/** One request as the server sees it. */
interface Incoming {
  /** Reads up to `count` bytes of the body; false when there are no more. */
  read(count: number): Promise<boolean>;
  /** Responds that the part is stored. */
  answer(): Promise<void>;
}

/** A server that reads the head of each request and leaves the rest to `serve`. */
function startServer(serve: (incoming: Incoming) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  const seen = { requests: 0, bodyBytes: 0 };

  const handle = async (connection: Deno.Conn) => {
    const buffer = new Uint8Array(64 * 1024);
    let head = "";
    while (!head.includes("\r\n\r\n")) {
      const got = await connection.read(buffer);
      if (got === null) return;
      head += String.fromCharCode(...buffer.subarray(0, got));
    }
    seen.requests++;
    const send = (text: string) =>
      connection.write(new TextEncoder().encode(text));
    if (/expect: 100-continue/i.test(head)) {
      await send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    let body = head.length - head.indexOf("\r\n\r\n") - 4;
    seen.bodyBytes += body;
    await serve({
      read: async (count) => {
        const until = Math.min(length, body + count);
        while (body < until) {
          const got = await connection.read(buffer);
          if (got === null) return false;
          body += got;
          seen.bodyBytes += got;
        }
        return body < length;
      },
      answer: async () => {
        await send(
          'HTTP/1.1 200 OK\r\netag: "e1"\r\ncontent-length: 0\r\n\r\n',
        );
      },
    });
  };
  const accepting = (async () => {
    for await (const connection of listener) {
      connections.add(connection);
      // Some tests wait for the client to close the connection.
      handle(connection).catch(() => {});
    }
  })();
  return {
    seen,
    url: `http://127.0.0.1:${listener.addr.port}`,
    async close() {
      listener.close();
      await accepting;
      for (const connection of connections) connection.close();
    },
  };
}

const test = (
  sentence: string,
  limits: { idleTimeoutMs: number; attempts: number },
  serve: (incoming: Incoming) => Promise<void>,
  run: (
    putPart: () => ReturnType<S3BlobStore["putPart"]>,
    seen: { requests: number; bodyBytes: number },
  ) => Promise<void>,
) =>
  Deno.test(sentence, async () => {
    const server = startServer(serve);
    const store = new S3BlobStore({
      bucket: "blobs",
      region: "us-east-1",
      endpoint: server.url,
      pathStyle: true,
      credentials: { accessKeyId: "id", secretAccessKey: "secret" },
      ...limits,
    });
    try {
      await run(
        () => store.putPart({ key: "a", id: "u1" }, 1, BYTES),
        server.seen,
      );
    } finally {
      await store.close();
      await server.close();
    }
  });

/** Time limit for aborting a large part; its size must not matter. */
const SOON_MS = 30_000;

async function givenUpSoon(part: Promise<unknown>): Promise<void> {
  const begin = performance.now();
  await assert.rejects(
    part,
    (error) =>
      isAppError(error, "UNAVAILABLE") &&
      /Nothing moved for \d+ ms/.test(error.operator ?? ""),
  );
  assert.ok(performance.now() - begin < SOON_MS);
}

test(
  "a server that stops accepting a part times out after the idle limit and is retried",
  { idleTimeoutMs: 1000, attempts: 2 },
  () => Promise.resolve(),
  async (putPart, seen) => {
    await givenUpSoon(putPart());
    assert.equal(seen.requests, 2);
    assert.ok(seen.bodyBytes < BYTES.length);
  },
);

test(
  "a server that accepts a part and never responds times out after the idle limit",
  { idleTimeoutMs: 2000, attempts: 1 },
  async ({ read }) => {
    while (await read(MiB));
  },
  async (putPart, seen) => {
    await givenUpSoon(putPart());
    assert.deepEqual(seen, { requests: 1, bodyBytes: BYTES.length });
  },
);

test(
  "a server that accepts a part slowly but steadily may take longer than the idle limit",
  { idleTimeoutMs: 2000, attempts: 1 },
  async ({ read, answer }) => {
    while (await read(MiB)) {
      await new Promise((resolve) => setTimeout(resolve, 110));
    }
    await answer();
  },
  async (putPart, seen) => {
    const begin = performance.now();
    const part = await putPart();
    assert.ok(performance.now() - begin > 2000);
    assert.deepEqual(part, { partNumber: 1, etag: "e1", size: BYTES.length });
    assert.deepEqual(seen, { requests: 1, bodyBytes: BYTES.length });
  },
);
