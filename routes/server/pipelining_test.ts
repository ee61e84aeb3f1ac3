import assert from "node:assert/strict";
import { createLogger } from "../../lib/log.ts";
import { until } from "../../tests/support/until.ts";
import { listen, type Listening } from "./serve.ts";

const GET = (path: string) => `GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`;

/** A server whose responses wait for {@linkcode Rig.finish}. */
class Rig {
  /** Paths of the requests that were handled, in order. */
  readonly handled: string[] = [];
  readonly #waiting: (() => void)[] = [];
  server: Listening | undefined;

  static async start(): Promise<Rig> {
    const rig = new Rig();
    rig.server = await listen({
      hostname: "127.0.0.1",
      port: 0,
      log: createLogger({ level: "error", write: () => {} }),
      fetch: async (request) => {
        const { pathname } = new URL(request.url);
        rig.handled.push(pathname);
        await new Promise<void>((resolve) => rig.#waiting.push(resolve));
        return new Response(pathname);
      },
    });
    return rig;
  }

  async send(text: string): Promise<Deno.Conn> {
    const port = this.server?.port ?? 0;
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    await connection.write(new TextEncoder().encode(text));
    return connection;
  }

  /** Finishes the responses in progress. */
  finish(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish();
    await this.server?.stop(0);
  }
}

/** Reads until the text ends with `end`, or the server closes the connection. */
async function readTo(connection: Deno.Conn, end?: string): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65_536);
  while (end === undefined || !text.endsWith(end)) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

Deno.test("requests sent without waiting are handled one after the other, in order", async () => {
  await using rig = await Rig.start();
  const paths = ["/a", "/b", "/c", "/d"];
  using connection = await rig.send(paths.map(GET).join(""));
  for (let count = 1; count <= paths.length; count++) {
    await until(() => rig.handled.length >= count);
    assert.deepEqual(rig.handled, paths.slice(0, count));
    rig.finish();
  }
  const text = await readTo(connection, "/d");
  const bodies = [...text.matchAll(/\r\n\r\n(\/.)/g)].map(([, body]) => body);
  assert.deepEqual(bodies, paths);
});

Deno.test("one connection does not wait for another one", async () => {
  await using rig = await Rig.start();
  using _first = await rig.send(GET("/a") + GET("/b"));
  using _second = await rig.send(GET("/c"));
  await until(() => rig.handled.length === 2);
  assert.deepEqual(rig.handled.toSorted(), ["/a", "/c"]);
});

Deno.test("requests that wait on a closed connection are not handled, and do not delay a stop", async () => {
  await using rig = await Rig.start();
  const connection = await rig.send(GET("/a").repeat(20));
  await until(() => rig.handled.length === 1);
  connection.close();
  rig.finish();
  // A later connection is handled after the close was noticed.
  using _other = await rig.send(GET("/b"));
  await until(() => rig.handled.includes("/b"));
  rig.finish();
  const began = performance.now();
  await rig.server?.stop(60_000);
  assert.ok(performance.now() - began < 30_000);
  assert.ok(rig.handled.filter((path) => path === "/a").length <= 2);
});

Deno.test("a client with more than 64 waiting requests is disconnected", async () => {
  await using rig = await Rig.start();
  using connection = await rig.send(GET("/a").repeat(66));
  assert.equal(await readTo(connection), "");
  assert.equal(rig.handled.length, 1);
});
