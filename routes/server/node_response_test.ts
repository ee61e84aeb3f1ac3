import assert from "node:assert/strict";
import { createLogger } from "../../lib/log.ts";
import { until } from "../../tests/support/until.ts";
import { withAnnouncedLength } from "./announced_length.ts";
import { type Handler, listen } from "./serve.ts";

/** A server with recorded log lines. */
async function serve(fetch: Handler) {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    write: (line) => lines.push(line),
  });
  const server = await listen({ hostname: "127.0.0.1", port: 0, fetch, log });
  return { server, lines };
}

/** All bytes received for `text` on one connection, and whether the server closed it. */
async function exchange(
  port: number,
  text: string,
): Promise<{ text: string; closed: boolean }> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(new TextEncoder().encode(text));
  let received = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    let timer;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), 700);
    });
    const count = await Promise.race([
      conn.read(buffer).catch(() => null),
      late,
    ]);
    clearTimeout(timer);
    if (count === undefined) return { text: received, closed: false };
    if (count === null) return { text: received, closed: true };
    received += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

const get = (path = "/") => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;
const bodyOf = (text: string) => text.slice(text.indexOf("\r\n\r\n") + 4);

/** A stream of `pieces`, each after a turn of the event loop. */
function stream(...pieces: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(encoder.encode(piece));
    },
  });
}

const smuggled = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
const lengths: Record<string, { body: () => BodyInit; announced: number }> = {
  "a stream that is too long at once": {
    body: () => stream("0123456789" + smuggled),
    announced: 10,
  },
  "a stream that is too long in its second piece": {
    body: () => stream("0123456789", smuggled),
    announced: 10,
  },
  "a stream that is too short": { body: () => stream("01234"), announced: 10 },
  "an empty stream": { body: () => stream(), announced: 10 },
  "text that is too long": {
    body: () => "0123456789" + smuggled,
    announced: 10,
  },
  "text that is too short": { body: () => "0123", announced: 10 },
  "bytes that are too long": {
    body: () => new Uint8Array(200_000),
    announced: 100_000,
  },
  "bytes that are too short": {
    body: () => new Uint8Array(200_000),
    announced: 300_000,
  },
};

for (const [what, { body, announced }] of Object.entries(lengths)) {
  // The library has a separate code path for a response whose body was accessed.
  for (const opened of [false, true]) {
    const name = `${what}${opened ? ", as a full Response" : ""}`;
    Deno.test(`${name} ends the connection before the next response`, async () => {
      const { server, lines } = await serve((request) => {
        if (!request.url.endsWith("/lie")) return new Response("next");
        const headers = { "content-length": String(announced) };
        const response = new Response(body(), { headers });
        return opened && response.body
          ? new Response(response.body, response)
          : response;
      });
      const answer = await exchange(server.port, get("/lie") + get());
      assert.equal(answer.closed, true);
      assert.doesNotMatch(answer.text, /evil|next/);
      assert.ok(bodyOf(answer.text).length <= announced);
      const line = lines.find((text) => text.includes("response cut"));
      assert.equal(JSON.parse(line ?? "{}").announced, announced);
      await server.stop(0);
    });
  }
}

Deno.test("a body that breaks ends the connection without an end of the body", async () => {
  for (const opened of [false, true]) {
    for (const pieces of [[], ["first"]]) {
      const { server, lines } = await serve(() => {
        const source = stream(...pieces).getReader();
        const body = new ReadableStream<Uint8Array>({
          async pull(controller) {
            const { value } = await source.read();
            if (!value) throw new Error("the disk has gone");
            controller.enqueue(value);
          },
        });
        const response = new Response(body);
        return opened && response.body
          ? new Response(response.body, response)
          : response;
      });
      const answer = await exchange(server.port, get());
      assert.equal(answer.closed, true, answer.text);
      assert.doesNotMatch(answer.text, /\r\n0\r\n|content-length: 0|disk/i);
      assert.match(lines.join(), /its source failed.*the disk has gone/);
      await server.stop(0);
    }
  }
});

Deno.test("bodies of the announced length pass, and those of responses without body are ignored", async () => {
  const { server, lines } = await serve((request) => {
    const { pathname } = new URL(request.url);
    const headers = { "content-length": "10" };
    switch (pathname) {
      case "/stream":
        return new Response(stream("01234", "56789"), { headers });
      case "/text":
        return new Response("0123456789", { headers });
      case "/large": {
        const length = { "content-length": "300001" };
        return new Response(new Uint8Array(300_001), { headers: length });
      }
      case "/long text":
      case "/long%20text":
        return new Response("é".repeat(100_000));
      case "/chunked":
        return new Response(stream("01234", "56789"));
      case "/304":
        return new Response(null, { status: 304, headers });
      case "/204":
        return new Response(null, { status: 204 });
      default:
        return new Response("", { headers });
    }
  });
  const url = `http://127.0.0.1:${server.port}`;
  for (const path of ["/stream", "/text", "/chunked"]) {
    assert.equal(await (await fetch(url + path)).text(), "0123456789");
  }
  const large = await (await fetch(`${url}/large`)).arrayBuffer();
  assert.equal(large.byteLength, 300_001);
  const long = await (await fetch(`${url}/long text`)).text();
  assert.equal(long, "é".repeat(100_000));
  const head = await fetch(`${url}/head`, { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), "10");
  assert.equal((await fetch(`${url}/304`)).status, 304);
  assert.equal((await fetch(`${url}/204`)).status, 204);
  // Two on one connection: the first has no body.
  const pair = await exchange(
    server.port,
    `HEAD / HTTP/1.1\r\nhost: x\r\n\r\n${get("/text")}`,
  );
  assert.equal(pair.text.match(/HTTP\/1\.1 200/g)?.length, 2);
  assert.deepEqual(lines, []);
  await server.stop(0);
});

Deno.test("a client that disconnects in the middle of a body is not an error", async () => {
  const seen: string[] = [];
  const { server, lines } = await serve((request) => {
    const { signal } = request;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        signal.addEventListener("abort", () => {
          seen.push("aborted");
          // A cancelled source cannot fail any more.
          if (!seen.includes("cancelled")) controller.error(signal.reason);
        });
      },
      pull(controller) {
        controller.enqueue(new Uint8Array(65_536));
      },
      cancel() {
        seen.push("cancelled");
      },
    });
    return new Response(body, { headers: { "content-length": "1000000000" } });
  });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  await conn.write(new TextEncoder().encode(get()));
  await conn.read(new Uint8Array(100));
  conn.close();
  await until(() => seen.length === 2);
  assert.deepEqual(seen, ["cancelled", "aborted"]);
  await server.stop(0);
  assert.deepEqual(lines, []);
});

Deno.test("under Deno.serve a body of a wrong length is cut off", async () => {
  const request = new Request("http://localhost/v2/blob");
  const cut: number[] = [];
  const judged = (text: string, announced: number, method = "GET") =>
    withAnnouncedLength(
      new Response(stream(text), {
        headers: { "content-length": String(announced) },
      }),
      method === "GET" ? request : new Request(request, { method }),
      ({ produced }) => cut.push(produced),
    );
  assert.equal(await judged("0123", 4).text(), "0123");
  await assert.rejects(judged("01234", 4).text(), /announced length/);
  await assert.rejects(judged("012", 4).text(), /announced length/);
  await judged("", 4, "HEAD").text();
  assert.deepEqual(cut, [5, 3]);
});

Deno.test("requests that a proxy may read differently are refused", async () => {
  const { server } = await serve(() => new Response("ok"));
  const heads = [
    "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHOST: a\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
  ];
  for (const head of heads) {
    const answer = await exchange(server.port, head + get());
    assert.match(answer.text, /^HTTP\/1\.1 400 /, head);
    assert.equal(answer.text.match(/HTTP\/1\.1 /g)?.length, 1, head);
    assert.equal(answer.closed, true, head);
  }
  await until(async () =>
    (await exchange(server.port, get())).text.includes("200")
  );
  await server.stop(0);
});
