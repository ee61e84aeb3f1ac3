/** A foreign hold that lies: what it sends reaches no client as it is. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect } from "node:net";
import {
  type BlobAnswer,
  type HostileHold,
  startHostileHold,
} from "../support/hostile_hold.ts";
import { randomBlob } from "../support/oci.ts";
import { Repository } from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { freePorts } from "../tools/ports.ts";

const NAME = "alice.test/lies";
const blob = randomBlob(1_000);

let hold: HostileHold;
let registry: TestServer;
Deno.test.beforeAll(async () => {
  const [port = 0, ...ports] = freePorts(4);
  hold = await startHostileHold(port, () => registry.alice.did);
  registry = await startServer({
    ports: [ports[0] ?? 0, ports[1] ?? 0, ports[2] ?? 0],
    env: {
      ATCR_SERVER_ROLES: "registry",
      ATCR_SERVER_TEST_MODE: "true",
      ATCR_SERVER_DEFAULT_HOLD_DID: hold.did,
      ATCR_REGISTRY_DELIVERY: "proxy",
    },
  });
  await new Repository(registry, registry.alice, NAME).pushBlob(blob);
});
Deno.test.afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await hold[Symbol.asyncDispose]();
});

/** Everything that the registry sends on the connection of one request. */
async function rawGet(headers = ""): Promise<string> {
  const { port } = new URL(registry.origin);
  const socket = connect(Number(port), "localhost");
  let text = "";
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.setEncoding("latin1");
  socket.on("data", (chunk) => text += chunk);
  socket.on("close", () => resolve());
  socket.on("error", () => resolve());
  socket.write(
    `GET /v2/${NAME}/blobs/${blob.digest} HTTP/1.1\r\nhost: localhost:${port}\r\nconnection: close\r\n${headers}\r\n`,
  );
  await promise;
  return text;
}

/** Status of a response, and its body. */
function parsed(raw: string) {
  const at = raw.indexOf("\r\n\r\n");
  const head = raw.slice(0, at).toLowerCase();
  return { status: Number(raw.slice(9, 12)), head, body: raw.slice(at + 4) };
}

const EVIL = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";

/** Sends `raw` as it is. */
const raw = (text: string): BlobAnswer => (response) => {
  response.socket?.end(text);
};
const sized = (text: string) =>
  `HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nset-cookie: a=b\r\ncontent-encoding: gzip\r\nlocation: https://evil.example\r\n\r\n${text}`;

const honest: BlobAnswer = (response, method) => {
  response.writeHead(200, { "content-length": "1000", "set-cookie": "a=b" });
  response.end(method === "HEAD" ? undefined : blob.bytes);
};

Deno.test("of an honest answer only the bytes are passed on", async () => {
  hold.blob = honest;
  const { status, head, body } = parsed(await rawGet());
  assert.equal(status, 200);
  assert.equal(body, Buffer.from(blob.bytes).toString("latin1"));
  assert.ok(!/set-cookie|content-encoding|location/.test(head), head);
});

Deno.test("a body of another length than announced is cut, and nothing follows it", async () => {
  const bodies = {
    long: "x".repeat(1_000) + EVIL,
    short: "x".repeat(10),
    none: "",
  };
  for (const [what, body] of Object.entries(bodies)) {
    hold.blob = raw(sized(body));
    const answer = parsed(await rawGet());
    assert.ok(answer.body.length <= 1_000, what);
    assert.ok(!answer.body.includes("evil"), what);
    assert.ok(!/set-cookie|content-encoding|location/.test(answer.head), what);
  }
  // Chunks have no length that could be wrong.
  hold.blob = raw(
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 1000\r\n\r\n7d0\r\n${
      "x".repeat(1_000)
    }${EVIL.padEnd(1_000)}\r\n0\r\n\r\n`,
  );
  const both = parsed(await rawGet());
  assert.ok(!both.body.includes("evil"));
});

Deno.test("what is no answer is an error of the hold, and no redirect", async () => {
  const answers: Record<string, BlobAnswer> = {
    "a switch of protocols": raw(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: evil\r\nconnection: upgrade\r\n\r\nevil",
    ),
    "no HTTP": raw("evil\r\n\r\n"),
    "nothing": raw(""),
    "a status without body": raw("HTTP/1.1 204 No Content\r\n\r\n"),
    "a failure without body": raw(
      "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
    ),
    "a part that was not asked for": raw(
      `HTTP/1.1 206 Partial\r\ncontent-range: bytes 0-999/1000\r\ncontent-length: 1000\r\n\r\n${
        "x".repeat(1_000)
      }`,
    ),
    "endless JSON": (response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const more = () => {
        while (!response.destroyed && response.write(" ".repeat(65_536)));
      };
      response.on("drain", more);
      response.on("error", () => {});
      more();
    },
    "a script to be sent to": raw(
      "HTTP/1.1 307 T\r\nlocation: javascript:alert(1)\r\ncontent-length: 0\r\n\r\n",
    ),
    "metadata to be sent to": raw(
      "HTTP/1.1 307 T\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
    ),
    "very long headers": raw(
      `HTTP/1.1 200 OK\r\nx: ${"y".repeat(4_000_000)}\r\n\r\n`,
    ),
  };
  for (const [what, answer] of Object.entries(answers)) {
    hold.blob = answer;
    const { status, body, head } = parsed(await rawGet());
    assert.ok(status >= 400, `${what}: ${status}`);
    assert.ok(!head.includes("location"), what);
    assert.ok(!body.includes("evil"), what);
  }
  hold.blob = honest;
  assert.equal(parsed(await rawGet()).status, 200);
});

Deno.test("a range is the one that was asked for, or an error", async () => {
  const ranges = {
    "another range": "content-range: bytes 10-19/1000\r\ncontent-length: 10",
    "no range": "content-length: 10",
  };
  for (const [what, headers] of Object.entries(ranges)) {
    hold.blob = raw(`HTTP/1.1 206 Partial\r\n${headers}\r\n\r\nevil567890`);
    const { status, body } = parsed(await rawGet("range: bytes=5-14\r\n"));
    assert.ok(status >= 500, `${what}: ${status} ${body}`);
  }
});
