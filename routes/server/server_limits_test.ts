import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { Socket } from "node:net";
import { EventEmitter } from "node:events";
import { createLogger } from "../../lib/log.ts";
import { until } from "../../tests/support/until.ts";
import { connectionLimits, Connections } from "./connections.ts";
import { ListenerCheck } from "./listener_check.ts";
import { type Handler, listen } from "./serve.ts";
import { NO_LIMITS, type ServerLimits } from "./server_limits.ts";

const MB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** A server with short limits, and its log. */
async function serve(fetch: Handler, limits: Partial<ServerLimits> = {}) {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    write: (line) => lines.push(line),
  });
  const server = await listen({
    hostname: "127.0.0.1",
    port: 0,
    fetch,
    log,
    limits: { ...NO_LIMITS, ...limits },
  });
  return { server, lines };
}

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });
const say = (conn: Deno.Conn, text: string) =>
  conn.write(new TextEncoder().encode(text));

/** Reads until the server closes the connection, and returns the time in milliseconds. */
async function untilClosed(conn: Deno.Conn) {
  const since = performance.now();
  let text = "";
  const buffer = new Uint8Array(65_536);
  for (;;) {
    const count = await conn.read(buffer).catch(() => null);
    if (count === null) return { text, ms: performance.now() - since };
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("a connection without a head, or with half of one, is closed with 408", async () => {
  const { server } = await serve(() => new Response("ok"), { headMs: 300 });
  for (const text of ["", "GET / HTTP/1.1\r\nhost: x\r\n"]) {
    using conn = await connect(server.port);
    if (text) await say(conn, text);
    const closed = await untilClosed(conn);
    assert.ok(closed.ms > 250 && closed.ms < 3_000, `${closed.ms}`);
    assert.match(closed.text, /^(HTTP\/1\.1 408 .*)?$/s);
  }
  await server.stop(0);
});

Deno.test("a second request of a connection must send its head in time, too", async () => {
  const { server } = await serve(() => new Response("ok"), {
    headMs: 300,
    keepAliveMs: HOUR_MS,
  });
  using conn = await connect(server.port);
  await say(conn, "GET / HTTP/1.1\r\nhost: x\r\n\r\nGET / HT");
  const closed = await untilClosed(conn);
  assert.ok(closed.ms < 3_000, `${closed.ms}`);
  await server.stop(0);
});

Deno.test("a connection between two requests stays open, one with an endless GET does not", async () => {
  const { server } = await serve(() => new Response("ok"), {
    headMs: 300,
    keepAliveMs: HOUR_MS,
  });
  using idle = await connect(server.port);
  const get = "GET / HTTP/1.1\r\nhost: x\r\n";
  await say(idle, `${get}\r\n`);
  const buffer = new Uint8Array(1_024);
  await idle.read(buffer);
  for (const body of ["content-length: 1000", "transfer-encoding: chunked"]) {
    using conn = await connect(server.port);
    await say(conn, `${get}${body}\r\n\r\n5\r\nabc`);
    const closed = await untilClosed(conn);
    assert.match(closed.text, /200 OK/);
    assert.ok(closed.ms < 3_000, `${closed.ms}`);
  }
  await wait(700);
  await say(idle, `${get}\r\n`);
  assert.ok((await idle.read(buffer) ?? 0) > 0);
  await server.stop(0);
});

Deno.test("a stalled body ends with 408, a slow one does not", async () => {
  const failures: string[] = [];
  const { server } = await serve(async (request) => {
    let size = 0;
    try {
      for await (const chunk of request.body ?? []) size += chunk.length;
    } catch (error) {
      failures.push(String(error));
      throw error;
    }
    return new Response(`${size} bytes`);
  }, { idleMs: 400 });
  const head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" +
    "content-length: 10\r\n\r\n";
  {
    using conn = await connect(server.port);
    await say(conn, `${head}01`);
    const closed = await untilClosed(conn);
    assert.match(closed.text, /^HTTP\/1\.1 408 /);
    assert.ok(closed.ms < 3_000, `${closed.ms}`);
    await until(() => failures.length === 1);
    assert.match(failures.join(), /sent nothing/);
  }
  {
    using conn = await connect(server.port);
    await say(conn, head);
    for (let i = 0; i < 10; i++) {
      await wait(150);
      await say(conn, "x");
    }
    assert.match((await untilClosed(conn)).text, /10 bytes$/);
  }
  await server.stop(0);
});

Deno.test("an unread response is dropped, one that is read slowly is not", async () => {
  const sizes = 24 * MB;
  let cancelled = 0;
  const { server, lines } = await serve(() => {
    let left = sizes;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const chunk = new Uint8Array(Math.min(left, 64 * 1024));
        left -= chunk.length;
        controller.enqueue(chunk);
        if (left === 0) controller.close();
      },
      cancel() {
        cancelled++;
      },
    });
    return new Response(body, { headers: { "content-length": `${sizes}` } });
  }, { idleMs: 700 });
  const get = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
  using idle = await connect(server.port);
  await say(idle, get);
  using slow = await connect(server.port);
  await say(slow, get);
  // Reads continuously, but takes several times the limit.
  let received = 0;
  const buffer = new Uint8Array(512 * 1024);
  for (;;) {
    const count = await slow.read(buffer);
    if (count === null) break;
    received += count;
    await wait(50);
  }
  assert.ok(received > sizes);
  assert.equal(cancelled, 1);
  assert.equal(lines.filter((line) => line.includes("unread")).length, 1);
  await server.stop(0);
});

Deno.test("a slow handler does not count as a stalled response", async () => {
  const { server, lines } = await serve(async () => {
    await wait(900);
    return new Response("late");
  }, { idleMs: 200 });
  const response = await fetch(`http://127.0.0.1:${server.port}/`);
  assert.equal(await response.text(), "late");
  assert.deepEqual(lines, []);
  await server.stop(0);
});

Deno.test("beyond the limit connections are closed at once, and idle ones make room", async () => {
  const { server, lines } = await serve(() => new Response("ok"), {
    connections: { total: 3, perAddress: 1 },
    keepAliveMs: HOUR_MS,
  });
  const conns: Deno.Conn[] = [];
  for (let i = 0; i < 3; i++) {
    const conn = await connect(server.port);
    await say(conn, "GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    // Loopback does not count as one client.
    assert.ok((await conn.read(new Uint8Array(1024)) ?? 0) > 0);
    conns.push(conn);
  }
  using fourth = await connect(server.port);
  assert.equal((await untilClosed(fourth)).text, "");
  assert.match(lines.join(), /server\.max_connections/);
  await until(async () => {
    using conn = await connect(server.port);
    await say(conn, "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    return (await untilClosed(conn)).text.includes("200 OK");
  });
  for (const conn of conns) conn.close();
  await server.stop(0);
});

/** A connection from `remoteAddress`. */
function from(remoteAddress: string): Socket {
  return Object.assign(new EventEmitter(), { remoteAddress }) as Socket;
}

Deno.test("connections are counted by address and /64 network, except those of proxies and loopback", () => {
  const connections = new Connections({ total: 100, perAddress: 2 });
  const first = from("198.51.100.7");
  assert.equal(connections.admit(first), undefined);
  assert.equal(connections.admit(from("::ffff:198.51.100.7")), undefined);
  assert.equal(connections.admit(from("198.51.100.7")), "address");
  first.emit("close");
  assert.equal(connections.admit(from("198.51.100.7")), undefined);
  assert.equal(connections.admit(from("2001:db8:1:2::1")), undefined);
  assert.equal(connections.admit(from("2001:db8:1:2::2")), undefined);
  assert.equal(connections.admit(from("2001:db8:1:2:3::")), "address");
  assert.equal(connections.admit(from("2001:db8:1:3::1")), undefined);
  for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) {
    for (let i = 0; i < 5; i++) {
      assert.equal(connections.admit(from(address)), undefined, address);
    }
  }
  const proxied = new Connections({ total: 9, perAddress: undefined });
  for (let i = 0; i < 9; i++) {
    assert.equal(proxied.admit(from("198.51.100.7")), undefined);
  }
  assert.equal(proxied.admit(from("198.51.100.8")), "total");
});

Deno.test("the limits stay below the file descriptors of the process", () => {
  const auto = {
    max_connections: 0,
    max_connections_per_address: 0,
    trust_proxy: false,
  };
  const limits = (
    descriptors: number | undefined,
    settings: Partial<typeof auto> = {},
  ) => connectionLimits({ ...auto, ...settings }, descriptors);
  assert.deepEqual(limits(1024), { total: 480, perAddress: 120 });
  assert.deepEqual(limits(undefined), limits(1024));
  assert.equal(limits(undefined, { max_connections: 4_096 }).total, 4_096);
  assert.deepEqual(limits(1_048_576), { total: 4_096, perAddress: 256 });
  assert.deepEqual(
    limits(1_048_576, { max_connections: 20_000 }).total,
    20_000,
  );
  assert.equal(limits(1024, { max_connections: 20_000 }).total, 720);
  assert.equal(limits(1024, { trust_proxy: true }).perAddress, undefined);
  for (const descriptors of [0, 16, 64, 100, 256]) {
    const { total } = limits(descriptors, { max_connections: 1_000_000 });
    assert.ok(total > 0 && total < Math.max(descriptors, 16));
  }
});

/** A listener whose test decides whether it accepts connections. */
async function checked(notices: () => boolean, lines: string[] = []) {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  let dead = 0;
  const check = new ListenerCheck({
    server,
    hostname: "127.0.0.1",
    port,
    log: createLogger({ level: "info", write: (line) => lines.push(line) }),
    onDead: () => dead++,
    intervalMs: 20,
    patienceMs: 100,
  });
  server.on("connection", (socket) => {
    if (notices()) check.accepted(socket);
  });
  return {
    lines,
    dead: () => dead,
    stop: () => {
      check.stop();
      server.close();
    },
  };
}

Deno.test("a listener that accepts is not changed", async () => {
  const listener = await checked(() => true);
  await wait(300);
  assert.deepEqual(listener.lines, []);
  listener.stop();
});

Deno.test("a listener that has stopped accepting listens again", async () => {
  const again = (lines: string[]) =>
    lines.some((line) => line.includes("listening again"));
  const lines: string[] = [];
  const listener = await checked(() => again(lines), lines);
  await until(() => again(lines));
  await wait(300);
  assert.match(lines.at(-1) ?? "", /listening again/);
  assert.equal(listener.dead(), 0);
  listener.stop();
});

Deno.test("a listener that cannot be restored is reported once", async () => {
  const listener = await checked(() => false);
  await until(() => listener.dead() > 0);
  await wait(300);
  assert.equal(listener.dead(), 1);
  listener.stop();
});
