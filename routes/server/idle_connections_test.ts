import assert from "node:assert/strict";
import { silentLogger } from "../../lib/testing_log.ts";
import { until } from "../../tests/support/until.ts";
import { listen } from "./serve.ts";
import { NO_LIMITS } from "./server_limits.ts";

const REQUEST = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/** A client of a server with short times; `ended` is true once it is disconnected. */
class Client implements Disposable {
  readonly #conn: Deno.TcpConn;
  text = "";
  ended = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#read();
  }

  static async of(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(4_096);
    for (;;) {
      const count = await this.#conn.read(buffer).catch(() => null);
      if (count === null) break;
      this.text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    this.ended = true;
  }

  async say(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text)).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** Starts a server whose responses take as long as `handle`. */
function start(handle: () => Promise<void> = () => Promise.resolve()) {
  return listen({
    hostname: "127.0.0.1",
    port: 0,
    log: silentLogger,
    fetch: async () => {
      await handle();
      return new Response("ok");
    },
    limits: { ...NO_LIMITS, keepAliveMs: 300, headMs: 300 },
  });
}

Deno.test("empty lines do not keep a connection without requests", async () => {
  const server = await start();
  using client = await Client.of(server.port);
  await client.say(REQUEST);
  await until(() => client.text.includes("200 OK"));
  await until(async () => {
    if (!client.ended) await client.say("\r\n");
    return client.ended;
  });
  await server.stop(0);
});

Deno.test("a slow request that was sent before the response of the one before is not cut", async () => {
  const slow = Promise.withResolvers<void>();
  let count = 0;
  const server = await start(() =>
    ++count < 3 ? new Promise((done) => setTimeout(done, 100)) : slow.promise
  );
  using client = await Client.of(server.port);
  await client.say(`${REQUEST}${REQUEST}${REQUEST}`);
  await until(() => client.text.split("200 OK").length - 1 === 2);
  await new Promise((done) => setTimeout(done, 1_500));
  assert.equal(client.ended, false);
  slow.resolve();
  await until(() => client.text.split("200 OK").length - 1 === 3);
  await server.stop(0);
});

Deno.test("a connection stays open while its requests follow each other, and during a slow one", async () => {
  const slow = Promise.withResolvers<void>();
  let count = 0;
  const server = await start(() =>
    ++count < 6 ? Promise.resolve() : slow.promise
  );
  using client = await Client.of(server.port);
  for (let i = 1; i <= 6; i++) {
    await client.say(`\r\n${REQUEST}`);
    await new Promise((done) => setTimeout(done, 150));
    assert.equal(client.text.split("200 OK").length - 1, Math.min(i, 5));
  }
  await new Promise((done) => setTimeout(done, 1_500));
  assert.equal(client.ended, false);
  slow.resolve();
  await until(() => client.text.split("200 OK").length - 1 === 6);
  await until(() => client.ended);
  await server.stop(0);
});
