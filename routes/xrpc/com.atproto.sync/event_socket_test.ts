import assert from "node:assert/strict";
import { create, openTestRepo, TEST_DID } from "../../../tests/support/repo.ts";
import {
  decodeFrame,
  SyncVerifier,
} from "../../../tests/support/sync_verifier.ts";
import { systemClock } from "../../../lib/clock.ts";
import { AppError } from "../../../lib/errors.ts";
import { Firehose } from "../../../lib/repo/events/firehose.ts";
import type { Repo } from "../../../lib/repo/repo.ts";
import { listen } from "../../server/serve.ts";
import {
  createDenoUpgrade,
  createFirehoseUpgrade,
  cursorOf,
} from "./event_socket.ts";
import { silentLogger } from "../../../lib/testing_log.ts";

const FIREHOSE_PATH = "/xrpc/com.atproto.sync.subscribeRepos";

/** A server of one kind with a firehose. */
interface Running {
  readonly origin: string;
  readonly firehose: Firehose;
  stop(): Promise<void>;
}

function firehoseOf(repo: Repo): Firehose {
  const { log, live } = repo;
  return new Firehose({ log, live, clock: systemClock, logger: silentLogger });
}

async function nodeServer(repo: Repo): Promise<Running> {
  const firehose = firehoseOf(repo);
  const server = await listen({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => new Response("http"),
    upgrade: createFirehoseUpgrade(firehose),
    log: silentLogger,
  });
  return {
    firehose,
    origin: `ws://127.0.0.1:${server.port}`,
    stop: () => server.stop(1_000),
  };
}

function denoServer(repo: Repo): Promise<Running> {
  const firehose = firehoseOf(repo);
  const upgrade = createDenoUpgrade(firehose);
  const server = Deno.serve(
    {
      port: 0,
      hostname: "127.0.0.1",
      onListen: () => {},
    },
    (request) => upgrade(request, cursorOf(new URL(request.url).searchParams)),
  );
  return Promise.resolve({
    firehose,
    origin: `ws://127.0.0.1:${server.addr.port}`,
    stop: () => server.shutdown(),
  });
}

/** Frames of a WebSocket, one after the other. */
async function* framesOf(url: string): AsyncGenerator<Uint8Array> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const waiting: Uint8Array[] = [];
  let wake = () => {};
  let open = true;
  socket.onmessage = ({ data }) => {
    waiting.push(new Uint8Array(data));
    wake();
  };
  const closed = new Promise<void>((resolve) => {
    socket.onclose = () => {
      open = false;
      wake();
      resolve();
    };
  });
  try {
    while (open || waiting.length > 0) {
      const next = waiting.shift();
      if (next !== undefined) yield next;
      else await new Promise<void>((resolve) => wake = resolve);
    }
  } finally {
    socket.close();
    await closed;
  }
}

for (const [name, start] of Object.entries({ nodeServer, denoServer })) {
  Deno.test(`a real consumer follows the repo over a WebSocket (${name})`, async () => {
    const { repo, kv, signer } = await openTestRepo();
    const running = await start(repo);
    const verifier = new SyncVerifier(TEST_DID, signer.didKey);
    for (let i = 0; i < 5; i++) await repo.apply([create(`before${i}`)]);
    for await (
      const frame of framesOf(`${running.origin}${FIREHOSE_PATH}?cursor=0`)
    ) {
      await verifier.take(frame);
      const { ops } = verifier;
      if (ops >= 5 && ops < 30) await repo.apply([create(`live${ops}`)]);
      if (ops === 30) running.firehose.close();
    }
    assert.equal(verifier.records.size, 30);
    // The server detects the end a moment after the consumer.
    for (let i = 0; i < 6000 && running.firehose.consumers > 0; i++) {
      await systemClock.sleep(5);
    }
    assert.equal(running.firehose.consumers, 0);
    await running.stop();
    kv.close();
  });

  Deno.test(`a cursor in the future returns an error and closes the connection (${name})`, async () => {
    const { repo, kv } = await openTestRepo();
    const running = await start(repo);
    const url = `${running.origin}${FIREHOSE_PATH}?cursor=${2 ** 50}`;
    const [frame, ...more] = await Array.fromAsync(framesOf(url));
    assert.deepEqual(frame && decodeFrame(frame), {
      header: { op: -1 },
      body: { error: "FutureCursor", message: "Cursor in the future." },
    });
    assert.equal(more.length, 0);
    await running.stop();
    kv.close();
  });
}

Deno.test("a malformed cursor is refused before the upgrade", async () => {
  const { repo, kv } = await openTestRepo();
  const running = await nodeServer(repo);
  for (const path of [`${FIREHOSE_PATH}?cursor=-1`, "/xrpc/other"]) {
    const frames = await Array.fromAsync(framesOf(`${running.origin}${path}`));
    assert.deepEqual(frames, []);
  }
  assert.equal(running.firehose.consumers, 0);
  assert.throws(() => cursorOf(new URLSearchParams("cursor=1e3")), AppError);
  assert.equal(cursorOf(new URLSearchParams("cursor=12")), 12);
  assert.equal(cursorOf(new URLSearchParams()), undefined);
  await running.stop();
  kv.close();
});

/** The first bytes sent by the server in response to an upgrade request. */
async function firstAnswer(
  { origin }: Running,
  path: string,
  protocol: string,
): Promise<string> {
  const { hostname, port } = new URL(origin);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  const request = [
    `GET ${path} HTTP/1.1`,
    `host: ${hostname}`,
    "connection: Upgrade, HTTP2-Settings",
    `upgrade: ${protocol}`,
    "http2-settings: AAMAAABkAAQAAP__",
    "\r\n",
  ];
  await connection.write(new TextEncoder().encode(request.join("\r\n")));
  const answer = new Uint8Array(1_000);
  const length = await connection.read(answer) ?? 0;
  return new TextDecoder().decode(answer.subarray(0, length));
}

Deno.test("a request for an unsupported protocol is served normally", async () => {
  const { repo, kv } = await openTestRepo();
  const running = await nodeServer(repo);
  for (
    const [path, protocol] of [
      ["/", "h2c"],
      ["/", "websocket"],
      ["//[", "websocket"],
      [FIREHOSE_PATH, "h2c"],
    ] as const
  ) {
    const answer = await firstAnswer(running, path, protocol);
    assert.match(answer, /^HTTP\/1\.1 (200|400) /, `${path} ${protocol}`);
  }
  await running.stop();
  kv.close();
});

Deno.test("no subprotocol that a consumer offers is agreed to", async () => {
  const { repo, kv } = await openTestRepo();
  const running = await nodeServer(repo);
  const { hostname, port } = new URL(running.origin);
  {
    using connection = await Deno.connect({ hostname, port: Number(port) });
    const request = [
      `GET ${FIREHOSE_PATH} HTTP/1.1`,
      `host: ${hostname}`,
      "connection: Upgrade",
      "upgrade: websocket",
      "sec-websocket-version: 13",
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol: chat, atproto.unknown",
      "\r\n",
    ];
    await connection.write(new TextEncoder().encode(request.join("\r\n")));
    const answer = new Uint8Array(4_000);
    const length = await connection.read(answer) ?? 0;
    const head = new TextDecoder().decode(answer.subarray(0, length));
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.doesNotMatch(head, /sec-websocket-protocol/i);
  }
  running.firehose.close();
  await running.stop();
  kv.close();
});
