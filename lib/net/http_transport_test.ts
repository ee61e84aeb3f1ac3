import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import {
  createHttpTransport,
  type TransportRequest,
} from "./http_transport.ts";

const read = (name: string) =>
  Deno.readTextFileSync(new URL(`./testdata/${name}`, import.meta.url));
const cert = read("pinned_example_cert.pem");
const key = read("pinned_example_key.pem");

/** A TLS server that is `pinned.example`, on loopback. */
async function withServer(
  handle: (request: Request) => Response | Promise<Response>,
  use: (port: number) => Promise<void>,
  tls: { cert: string; key: string } | null = null,
): Promise<void> {
  const abort = new AbortController();
  const server = Deno.serve({
    port: 0,
    hostname: "127.0.0.1",
    signal: abort.signal,
    onListen: () => {},
    onError: () => new Response("broken", { status: 500 }),
    ...(tls ?? {}),
  }, handle);
  try {
    await use(server.addr.port);
  } finally {
    abort.abort();
    await server.finished;
  }
}

function get(url: string, more: Partial<TransportRequest> = {}) {
  return {
    url: new URL(url),
    method: "GET",
    headers: new Headers(),
    body: undefined,
    addresses: ["127.0.0.1"],
    signal: new AbortController().signal,
    ...more,
  };
}

Deno.test("the connection goes to the given address, and the certificate is checked for the name", async () => {
  const transport = createHttpTransport({ ca: cert });
  await withServer(
    (request) => new Response(request.headers.get("host")),
    async (port) => {
      const response = await transport.send(
        get(`https://pinned.example:${port}/`),
      );
      assert.equal(await response.text(), `pinned.example:${port}`);
      await assert.rejects(
        transport.send(get(`https://other.example:${port}/`)),
        /altnames|certificate/i,
      );
      transport.close();
    },
    { cert, key },
  );
});

Deno.test("a server with a self-signed certificate is refused", async () => {
  const transport = createHttpTransport();
  await withServer(() => new Response("secret"), async (port) => {
    await assert.rejects(
      transport.send(get(`https://pinned.example:${port}/`)),
      /self.signed|certificate/i,
    );
    transport.close();
  }, { cert, key });
});

Deno.test("a name that resolves to loopback at connection time stays at the checked address", async () => {
  const transport = createHttpTransport();
  let reached = 0;
  await withServer(() => {
    reached++;
    return new Response("inside");
  }, async (port) => {
    // Simulates a rebinding name server: `localhost` is its second answer, and
    // nothing can listen at the checked address.
    const pinned = get(`http://localhost:${port}/`, {
      addresses: ["240.0.0.1"],
      signal: AbortSignal.timeout(500),
    });
    await assert.rejects(transport.send(pinned));
    assert.equal(reached, 0);
    const unpinned = get(`http://localhost:${port}/`, { addresses: undefined });
    assert.equal(await (await transport.send(unpinned)).text(), "inside");
    transport.close();
  });
});

Deno.test("the next address is tried when the first does not listen", async () => {
  const transport = createHttpTransport();
  await withServer(() => new Response("ok"), async (port) => {
    const response = await transport.send(
      get(`http://two.example:${port}/`, { addresses: ["::1", "127.0.0.1"] }),
    );
    assert.equal(await response.text(), "ok");
    transport.close();
  });
});

Deno.test("an upload is sent no faster than the server accepts it", async () => {
  const transport = createHttpTransport();
  let produced = 0;
  let release = () => {};
  const held = new Promise<void>((resolve) => release = resolve);
  await withServer(async (request) => {
    await held;
    let size = 0;
    for await (const chunk of request.body ?? []) size += chunk.byteLength;
    return new Response(String(size));
  }, async (port) => {
    const total = 1024;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (produced++ === total) controller.close();
        else controller.enqueue(new Uint8Array(65_536));
      },
    }, { highWaterMark: 0 });
    const pending = transport.send(
      get(`http://up.example:${port}/`, { method: "PUT", body }),
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert(produced < total / 2, `${produced} chunks were taken in advance`);
    release();
    assert.equal(await (await pending).text(), String(total * 65_536));
    transport.close();
  });
});

Deno.test("an abort in the middle of a response reaches the reader with its reason", async () => {
  const transport = createHttpTransport();
  await withServer(
    () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(8)),
        }),
      ),
    async (port) => {
      const abort = new AbortController();
      const response = await transport.send(
        get(`http://a.example:${port}/`, { signal: abort.signal }),
      );
      const reason = new Error("enough");
      setTimeout(() => abort.abort(reason), 20);
      await assert.rejects(response.arrayBuffer(), (e) => e === reason);
      transport.close();
    },
  );
});

Deno.test("an abort in the middle of an upload cancels the source", async () => {
  const transport = createHttpTransport();
  await withServer(async (request) => {
    await request.arrayBuffer();
    return new Response("never");
  }, async (port) => {
    const abort = new AbortController();
    const let_go = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      pull: () => new Promise(() => {}),
      cancel: () => let_go.resolve(),
    }, { highWaterMark: 0 });
    const pending = transport.send(
      get(`http://a.example:${port}/`, {
        method: "PUT",
        body,
        signal: abort.signal,
      }),
    );
    const reason = new Error("enough");
    setTimeout(() => abort.abort(reason), 20);
    await assert.rejects(pending, (e) => e === reason);
    await let_go.promise;
    transport.close();
  });
});

Deno.test("responses without a body and responses to HEAD have none", async () => {
  const transport = createHttpTransport();
  await withServer(
    (request) =>
      request.method === "HEAD"
        ? new Response(null, { headers: { "content-length": "5" } })
        : new Response(null, { status: 204 }),
    async (port) => {
      const empty = await transport.send(get(`http://a.example:${port}/`));
      assert.equal(empty.status, 204);
      assert.equal(empty.body, null);
      const head = await transport.send(
        get(`http://a.example:${port}/`, { method: "HEAD" }),
      );
      assert.equal(head.body, null);
      assert.equal(head.headers.get("content-length"), "5");
      transport.close();
    },
  );
});

Deno.test("a request for which no connection becomes free in time fails with a sentence, and the next one succeeds", async () => {
  const transport = createHttpTransport({ turnMs: 50 });
  const slow = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(1)),
      }),
    );
  await withServer(
    (request) => request.url.endsWith("/slow") ? slow() : new Response("quick"),
    async (port) => {
      const url = `http://a.example:${port}`;
      const open = await Promise.all(
        Array.from({ length: 32 }, () => transport.send(get(`${url}/slow`))),
      );
      await assert.rejects(
        transport.send(get(`${url}/`)),
        (error) =>
          isAppError(error, "UPSTREAM_TIMEOUT") &&
          /All 32 connections to a\.example:\d+ were in use/.test(
            error.message,
          ),
      );
      const waiting = transport.send(get(`${url}/`));
      await open.pop()?.body?.cancel();
      assert.equal(await (await waiting).text(), "quick");
      await Promise.all(open.map(({ body }) => body?.cancel()));
      transport.close();
    },
  );
});
