import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { until } from "../../tests/support/until.ts";
import { drainBody } from "./drain.ts";
import { type Handler, listen, type Listening } from "./serve.ts";
import { silentLogger } from "../../lib/testing_log.ts";

const MB = 1024 * 1024;

/** A server on a free port. */
async function serve(
  fetch: Handler,
): Promise<{ server: Listening; url: string; port: number }> {
  const server = await listen({
    hostname: "127.0.0.1",
    port: 0,
    fetch,
    log: silentLogger,
  });
  const { port } = server;
  return { server, port, url: `http://127.0.0.1:${port}/` };
}

/** A connection controlled by the test. */
async function connect(port: number) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const send = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) {
      at += await conn.write(bytes.subarray(at));
    }
  };
  const encoder = new TextEncoder();
  return {
    conn,
    send,
    say: (text: string) => send(encoder.encode(text)),
    /** Head and body, which may arrive separately. */
    async answer(): Promise<string> {
      const buffer = new Uint8Array(4096);
      let text = "";
      while (!/\r\n\r\n./.test(text)) {
        const count = await conn.read(buffer);
        if (count === null) break;
        text += new TextDecoder().decode(buffer.subarray(0, count));
      }
      return text;
    },
  };
}

async function bytesOf(
  body: ReadableStream<Uint8Array> | null,
): Promise<Uint8Array[]> {
  return body ? await Array.fromAsync(body) : [];
}

Deno.test("bodies arrive as sent, for any chunking", async () => {
  const seen: Uint8Array[][] = [];
  const { server, port } = await serve(async (request) => {
    seen.push(await bytesOf(request.body));
    return new Response("ok");
  });
  const piece = fc.uint8Array({ minLength: 1, maxLength: 200_000 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 12 }),
      fc.boolean(),
      async (pieces, chunked) => {
        const whole = Buffer.concat(pieces);
        const client = await connect(port);
        await client.say(
          `PUT / HTTP/1.1\r\nhost: x\r\n${
            chunked
              ? "transfer-encoding: chunked"
              : `content-length: ${whole.length}`
          }\r\n\r\n`,
        );
        for (const bytes of pieces) {
          if (chunked) await client.say(`${bytes.length.toString(16)}\r\n`);
          await client.send(bytes);
          if (chunked) await client.say("\r\n");
        }
        if (chunked) await client.say("0\r\n\r\n");
        assert.match(await client.answer(), /200 OK/);
        client.conn.close();
        const blocks = seen.pop() ?? [];
        assert.ok(Buffer.concat(blocks).equals(whole));
      },
    ),
    { numRuns: 25 },
  );
  await server.stop(1000);
});

Deno.test("small chunks are delivered as few large blocks", async () => {
  let sizes: number[] = [];
  const { server, port } = await serve(async (request) => {
    sizes = (await bytesOf(request.body)).map(({ length }) => length);
    return new Response("ok");
  });
  const client = await connect(port);
  await client.say(
    "PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  const bytes = new Uint8Array(32 * 1024);
  for (let i = 0; i < 64; i++) {
    await client.say(`${bytes.length.toString(16)}\r\n`);
    await client.send(bytes);
    await client.say("\r\n");
  }
  await client.say("0\r\n\r\n");
  await client.answer();
  client.conn.close();
  // Eight, or more if the machine pauses for longer than the wait for a block.
  assert.ok(sizes.length <= 16, `${sizes}`);
  assert.equal(sizes.reduce((sum, size) => sum + size, 0), 2 * MB);
  await server.stop(1000);
});

Deno.test("bytes of a slow sender are delivered before a block is full", async () => {
  const first = Promise.withResolvers<number>();
  const { server, port } = await serve(async (request) => {
    for await (const block of request.body ?? []) {
      first.resolve(block.length);
    }
    return new Response("ok");
  });
  const client = await connect(port);
  await client.say(
    "PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\nabc",
  );
  assert.equal(await first.promise, 3);
  client.conn.close();
  await server.stop(1000);
});

for (
  const [framing, sent] of [
    ["content-length: 10", "abc"],
    ["transfer-encoding: chunked", "3\r\nabc\r\n"],
    ["transfer-encoding: chunked", "8\r\nabc"],
  ] as const
) {
  Deno.test(`a connection that breaks is an error, not the end: ${framing}, ${JSON.stringify(sent)}`, async () => {
    const outcome = Promise.withResolvers<unknown>();
    const { server, port } = await serve(async (request) => {
      await bytesOf(request.body).then(outcome.resolve, outcome.reject);
      return new Response("ok");
    });
    const client = await connect(port);
    await client.say(`PUT / HTTP/1.1\r\nhost: x\r\n${framing}\r\n\r\n${sent}`);
    client.conn.close();
    await assert.rejects(outcome.promise);
    await server.stop(1000);
  });
}

Deno.test("the signal of a request is aborted when the client disconnects, even if read later", async () => {
  const arrived = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const late = Promise.withResolvers<void>();
  const { server, port } = await serve(async (request) => {
    if (request.url.endsWith("/early")) {
      request.signal.addEventListener("abort", () => gone.resolve());
      arrived.resolve();
    }
    await gone.promise;
    if (request.url.endsWith("/late")) {
      // Its connection was closed first, but may be reported last.
      await until(() => request.signal.aborted);
      late.resolve();
    }
    return new Response("ok");
  });
  const clients = [];
  for (const path of ["/late", "/early"]) {
    const client = await connect(port);
    await client.say(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    clients.push(client);
  }
  await arrived.promise;
  for (const { conn } of clients) conn.close();
  await late.promise;
  await server.stop(1000);
});

Deno.test("the signal of a completed request is not aborted", async () => {
  let signal: AbortSignal | undefined;
  const { server, url } = await serve((request) => {
    ({ signal } = request);
    return Promise.resolve(new Response("ok"));
  });
  await (await fetch(url, { method: "PUT", body: "abc" })).text();
  await server.stop(1000);
  assert.equal(signal?.aborted, false);
});

Deno.test("no byte is lost when the signal is read and the body is read late", async () => {
  const { server, url } = await serve(async (request) => {
    request.signal.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 50));
    return new Response(Buffer.concat(await bytesOf(request.body)));
  });
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const answer = await fetch(url, { method: "POST", body: bytes });
  assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes);
  await server.stop(1000);
});

Deno.test("opening the body in another way is refused instead of losing bytes", async () => {
  const { server, url } = await serve(async (request) => {
    assert.throws(() => request.clone(), TypeError);
    assert.throws(() => request.text(), /readBody/);
    return new Response(Buffer.concat(await bytesOf(request.body)));
  });
  const answer = await fetch(url, { method: "POST", body: "all of it" });
  assert.equal(await answer.text(), "all of it");
  await server.stop(1000);
});

Deno.test("backpressure stops the sender when the body is not read", async () => {
  const begin = Promise.withResolvers<void>();
  let got = 0;
  const { server, port } = await serve(async (request) => {
    const reader = request.body?.getReader();
    got = (await reader?.read())?.value?.length ?? 0;
    await begin.promise;
    for (;;) {
      const next = await reader?.read();
      if (!next || next.done) return new Response(String(got));
      got += next.value.length;
    }
  });
  const client = await connect(port);
  await client.say(
    `PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: ${64 * MB}\r\n\r\n`,
  );
  let sent = 0;
  const bytes = new Uint8Array(MB);
  const sending = (async () => {
    for (let i = 0; i < 64; i++) {
      await client.send(bytes);
      sent += MB;
    }
  })();
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  assert.ok(sent < 32 * MB, `${sent} bytes were taken`);
  begin.resolve();
  await sending;
  assert.match(await client.answer(), new RegExp(`${64 * MB}$`));
  client.conn.close();
  await server.stop(1000);
});

Deno.test("a partly read body does not affect the next request of the connection", async () => {
  const { server, port } = await serve(async (request) => {
    const reader = request.body?.getReader();
    const first = await reader?.read();
    reader?.releaseLock();
    await drainBody(request);
    return new Response(`saw ${first?.value?.[0] ?? "nothing"}`);
  });
  const client = await connect(port);
  for (let round = 1; round <= 3; round++) {
    await client.say(
      `PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: ${MB}\r\n\r\n`,
    );
    await client.send(new Uint8Array(MB).fill(round));
    assert.match(await client.answer(), new RegExp(`saw ${round}$`));
  }
  client.conn.close();
  await server.stop(1000);
});

Deno.test("a request without a body has none", async () => {
  const { server, url } = await serve((request) =>
    Promise.resolve(new Response(String(request.body)))
  );
  for (const method of ["POST", "PUT"]) {
    assert.equal(await (await fetch(url, { method })).text(), "null");
  }
  await server.stop(1000);
});
