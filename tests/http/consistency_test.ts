/** Concurrent clients, and clients that disconnect in the middle. */

import assert from "node:assert/strict";
import { z } from "zod";
import { imageManifest, randomBlob } from "../support/oci.ts";
import { PdsAccount } from "../support/pds.ts";
import {
  expect,
  expectError,
  repositoriesOf,
  Repository,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { filesOf, settledState } from "../support/state.ts";
import { until } from "../support/until.ts";

const MB = 1024 * 1024;

const server = sharedServer();
const alices = repositoriesOf(server, "alice");

/** Files of the blob folder that have to do with a digest or with no finished blob. */
async function filesAbout(digest: string): Promise<string[]> {
  const hex = digest.slice(digest.indexOf(":") + 1);
  const files = await filesOf(server().dataDir);
  return [...files.keys()].filter((path) =>
    path.includes(hex) || path.includes("upload")
  );
}

/** Digest that a tag leads to: here and in the owner's repo. */
async function targets(
  repository: Repository,
  tag: string,
): Promise<(string | undefined)[]> {
  const head = await repository.send("HEAD", `manifests/${tag}`);
  const name = repository.name.slice("alice.test/".length);
  const pds = new PdsAccount(server().pds, server().alice);
  const record = await pds.record("io.atcr.tag", `${name}_${tag}`);
  const uri = z.string().optional().parse(record?.value["manifest"]);
  return [
    head.headers.get("docker-content-digest") ?? undefined,
    uri && `sha256:${uri.slice(uri.lastIndexOf("/") + 1)}`,
  ];
}

Deno.test("two clients that move one tag at once end in one of the two states", async () => {
  const repository = alices("race");
  const [one, two] = [
    await repository.pushImage(),
    await repository.pushImage(),
  ];
  for (let round = 0; round < 8; round++) {
    const answers = await Promise.all([
      repository.putManifest(one, "x"),
      alices("race").putManifest(two, "x"),
      repository.putManifest(round % 2 ? one : two, "x"),
    ]);
    for (const answer of answers) expect(answer, 201);
    const [here, there] = await targets(repository, "x");
    assert.equal(here, there);
    assert.ok(here === one.digest || here === two.digest);
  }
  const [winner] = await targets(repository, "x");
  const loser = winner === one.digest ? two : one;
  const path = `manifests/${loser.digest}`;
  expect(await repository.send("DELETE", path), 202);
  assert.deepEqual(await repository.tags(), ["x"]);
});

Deno.test("a tag that is pushed and deleted concurrently exists or not, consistently in both places", async () => {
  const repository = alices("toggle");
  const image = await repository.pushImage("x");
  for (let round = 0; round < 6; round++) {
    const [deleted, pushed] = await Promise.all([
      repository.send("DELETE", "manifests/x"),
      repository.putManifest(image, "x"),
    ]);
    assert.ok([202, 404].includes(deleted.status), `${deleted.status}`);
    expect(pushed, 201);
    const [here, there] = await targets(repository, "x");
    assert.equal(here, there);
    assert.deepEqual(await repository.tags(), here ? ["x"] : []);
    expect(await repository.send("GET", `manifests/${image.digest}`), 200);
  }
});

Deno.test("many images pushed concurrently are all available on the next request", async () => {
  const repository = alices("many");
  await repository.token();
  const tags = Array.from({ length: 12 }, (_, i) => `t${i + 10}`);
  const images = await Promise.all(
    tags.map((tag) => repository.pushImage(tag)),
  );
  assert.deepEqual(await repository.tags(), tags);
  for (const [i, tag] of tags.entries()) {
    const get = await repository.send("GET", `manifests/${tag}`);
    assert.deepEqual(expect(get, 200).bytes, images[i]?.bytes);
    assert.deepEqual(await targets(repository, tag), [
      images[i]?.digest,
      images[i]?.digest,
    ]);
  }
});

Deno.test("a layer that ten clients push at once is stored once", async () => {
  const blob = randomBlob(3 * MB);
  const clients = Array.from({ length: 10 }, (_, i) => alices(`client/${i}`));
  await Promise.all(clients.map((client) => client.pushBlob(blob)));
  const about = await filesAbout(blob.digest);
  assert.equal(about.length, 1, about.join("\n"));
  for (const client of clients) {
    const get = await client.send("GET", `blobs/${blob.digest}`);
    assert.deepEqual(expect(get, 200).bytes, blob.bytes);
  }
  const config = randomBlob(100);
  const image = imageManifest(config, [blob]);
  const [first, second] = clients;
  assert.ok(first && second);
  await first.pushBlob(config);
  expect(await first.putManifest(image, "x"), 201);
  expect(await second.putManifest(image, "x"), 201);
});

Deno.test("of two concurrent requests that write to one upload, the second is asked to retry", async () => {
  const repository = alices("busy");
  const blob = randomBlob(4 * MB);
  const location = await repository.startUpload();
  const rest = Promise.withResolvers<void>();
  const half = blob.bytes.length / 2;
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      controller.enqueue(blob.bytes.subarray(0, half));
      await rest.promise;
      controller.enqueue(blob.bytes.subarray(half));
      controller.close();
    },
  });
  const first = repository.send("PATCH", location, { body });
  const id = location.slice(location.lastIndexOf("/") + 1);
  await until(
    async () => (await filesAbout(id)).length > 0,
    () => "the first request is not being worked on",
  );
  const busy = await repository.send("PATCH", location, { body: blob.bytes });
  rest.resolve();
  expect(await first, 202);
  const { message } = expectError(busy, 503, "UNAVAILABLE");
  assert.match(message, /Try again/);
  expect(await repository.finishUpload(location, blob.digest), 201);
  const get = await repository.send("GET", `blobs/${blob.digest}`);
  assert.deepEqual(expect(get, 200).bytes, blob.bytes);
});

/** Sends a request with only a part of its body and breaks the connection. */
async function breakOff(
  repository: Repository,
  line: string,
  headers: string,
  body: Uint8Array,
  afterMs = 100,
): Promise<void> {
  const conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: server().port,
  });
  const head = `${line} HTTP/1.1\r\nhost: ${server().host}\r\n` +
    `authorization: Bearer ${await repository.token()}\r\n${headers}\r\n`;
  await conn.write(new TextEncoder().encode(`${head}`));
  for (let at = 0; at < body.length;) at += await conn.write(body.subarray(at));
  // Time for the bytes to be taken before the connection goes.
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  conn.close();
}

Deno.test("a client that disconnects in the middle of an upload leaves nothing behind", async () => {
  const repository = alices("broken");
  const blob = randomBlob(3 * MB);
  const location = await repository.startUpload();
  const half = blob.bytes.subarray(0, 2 * MB);
  const chunk = `${half.length.toString(16)}\r\n`;
  const chunked = new Uint8Array(chunk.length + half.length);
  chunked.set(new TextEncoder().encode(chunk));
  chunked.set(half, chunk.length);
  const requests: [string, string, Uint8Array][] = [
    [`PATCH ${location}`, `content-length: ${blob.bytes.length}\r\n`, half],
    [`PATCH ${location}`, "transfer-encoding: chunked\r\n", chunked],
    [
      `PUT ${location}?digest=${blob.digest}`,
      `content-length: ${blob.bytes.length}\r\n`,
      half,
    ],
    [
      `POST /v2/alice.test/broken/blobs/uploads/?digest=${blob.digest}`,
      `content-length: ${blob.bytes.length}\r\n`,
      half,
    ],
  ];
  const before = await settledState(server());
  for (const [line, headers, body] of requests) {
    await breakOff(repository, line, headers, body);
    await until(
      async () => (await filesAbout(blob.digest)).length === 0,
      () => `bytes of ${line} are left`,
    );
    const status = expect(await repository.send("GET", location), 204);
    assert.equal(status.headers.get("range"), "0-0");
  }
  const rows = (state: ReadonlyMap<string, string>) =>
    [...state.keys()].filter((key) => key.includes("upload"));
  assert.deepEqual(rows(await settledState(server())), rows(before));
  expect(
    await repository.finishUpload(location, blob.digest, { body: blob.bytes }),
    201,
  );
});

Deno.test("a manifest whose client disconnects is stored completely or not at all", async () => {
  const repository = alices("leaving");
  const [one, two] = [
    await repository.pushImage(),
    await repository.pushImage(),
  ];
  const put = (
    { bytes, mediaType }: typeof one,
    length: number,
    afterMs: number,
  ) =>
    breakOff(
      repository,
      "PUT /v2/alice.test/leaving/manifests/x",
      `content-type: ${mediaType}\r\ncontent-length: ${bytes.length}\r\n`,
      bytes.subarray(0, length),
      afterMs,
    );
  await put(one, 100, 100);
  assert.deepEqual(await targets(repository, "x"), [undefined, undefined]);
  for (let round = 0; round < 10; round++) {
    const image = round % 2 ? one : two;
    await put(image, image.bytes.length, round * 6);
    await until(async () => {
      const [here, there] = await targets(repository, "x");
      return here === there;
    }, () => "index and records differ");
  }
  await repository.putManifest(one, "x");
  assert.deepEqual(await targets(repository, "x"), [one.digest, one.digest]);
});

Deno.test("acknowledged content stays after the connection broke", async () => {
  const repository = alices("resumed");
  const blob = randomBlob(3 * MB);
  const location = await repository.startUpload();
  const first = { body: blob.bytes.slice(0, MB) };
  expect(await repository.send("PATCH", location, first), 202);
  await breakOff(
    repository,
    `PATCH ${location}`,
    `content-length: ${2 * MB}\r\ncontent-range: ${MB}-${3 * MB - 1}\r\n`,
    blob.bytes.subarray(MB, 2 * MB),
  );
  await until(async () => {
    const rest = await repository.send("PATCH", location, {
      headers: { "content-range": `${MB}-${3 * MB - 1}` },
      body: blob.bytes.slice(MB),
    });
    return rest.status === 202;
  }, () => "the upload is still busy");
  expect(await repository.finishUpload(location, blob.digest), 201);
  const get = await repository.send("GET", `blobs/${blob.digest}`);
  assert.deepEqual(expect(get, 200).bytes, blob.bytes);
});

Deno.test({
  name:
    "a client that disconnects in the middle of a download leaves no file open",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const repository = alices("download");
    const blob = randomBlob(24 * MB);
    await repository.pushBlob(blob);
    const path = `/v2/alice.test/download/blobs/${blob.digest}`;
    for (let i = 0; i < 3; i++) {
      await breakOff(repository, `GET ${path}`, "", new Uint8Array());
    }
    await until(async () => {
      const folder = `/proc/${server().pid}/fd`;
      for await (const { name } of Deno.readDir(folder)) {
        const file = await Deno.readLink(`${folder}/${name}`).catch(() => "");
        if (file.includes("/blobs/")) return false;
      }
      return true;
    }, () => "a blob's file is still open");
  },
});
