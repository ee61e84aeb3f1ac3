/** Shutdown: running requests finish, new ones are refused, and it ends in time. */

import assert from "node:assert/strict";
import { type Blob, randomBlob } from "../support/oci.ts";
import {
  type Answer,
  call,
  expect,
  jsonOf,
  Repository,
  textOf,
} from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { filesOf } from "../support/state.ts";
import { until } from "../support/until.ts";

const MB = 1024 * 1024;
const encoder = new TextEncoder();

/** A half-sent upload on a separate connection. */
class HalfUpload implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #blob: Blob;
  readonly location: string;

  private constructor(conn: Deno.TcpConn, blob: Blob, location: string) {
    this.#conn = conn;
    this.#blob = blob;
    this.location = location;
  }

  static async begin(server: TestServer, blob: Blob): Promise<HalfUpload> {
    const repository = alices(server);
    const location = await repository.startUpload();
    const conn = await Deno.connect({
      hostname: "127.0.0.1",
      port: server.port,
    });
    const head = `PATCH ${location} HTTP/1.1\r\nhost: ${server.host}\r\n` +
      `authorization: Bearer ${await repository.token()}\r\n` +
      `content-length: ${blob.bytes.length}\r\n\r\n`;
    const upload = new HalfUpload(conn, blob, location);
    await upload.#write(encoder.encode(head));
    await upload.#write(blob.bytes.subarray(0, MB));
    await until(() => isStaged(server));
    return upload;
  }

  /** Sends the other half and gives the status line of the answer. */
  async finish(): Promise<string> {
    await this.#write(this.#blob.bytes.subarray(MB));
    const buffer = new Uint8Array(4096);
    const count = await this.#conn.read(buffer) ?? 0;
    const text = new TextDecoder().decode(buffer.subarray(0, count));
    return text.slice(0, text.indexOf("\r\n"));
  }

  /** Whether the server has closed the connection. */
  async isCut(): Promise<boolean> {
    return await this.#conn.read(new Uint8Array(1)).catch(() => null) === null;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      at += await this.#conn.write(bytes.subarray(at));
    }
  }
}

/** Whether bytes of an upload have reached the disk. */
async function isStaged({ dataDir }: TestServer): Promise<boolean> {
  const files = await filesOf(dataDir);
  return [...files].some(([path, size]) =>
    path.includes("upload") && path.endsWith("/data") && size > 0
  );
}

const alices = (server: TestServer) =>
  new Repository(server, server.alice, "alice.test/app");

/** Resolves when the server accepts no more connections. */
async function refusal(server: TestServer): Promise<void> {
  for (;;) {
    try {
      const conn = await Deno.connect({
        hostname: "127.0.0.1",
        port: server.port,
      });
      conn.close();
    } catch (error) {
      assert.ok(error instanceof Deno.errors.ConnectionRefused);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("a running upload is finished while new requests are refused", async () => {
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-stop-" });
  const blob = randomBlob(2 * MB);
  const first = await startServer({ dataDir });
  using upload = await HalfUpload.begin(first, blob);
  const stopped = first.stop("SIGTERM");
  await refusal(first);
  assert.match(await upload.finish(), /^HTTP\/1\.1 202 /);
  const started = performance.now();
  assert.equal((await stopped).code, 0);
  assert.ok(performance.now() - started < 25_000, "it took too long to end");
  assert.match(first.log(), /"msg":"stopped"/);
  assert.doesNotMatch(first.log(), /"level":"error"/);

  await using second = await startServer({ dataDir, ports: first.ports });
  const repository = alices(second);
  const put = await repository.finishUpload(upload.location, blob.digest);
  expect(put, 201);
  const get = await repository.send("GET", `blobs/${blob.digest}`);
  assert.deepEqual(expect(get, 200).bytes, blob.bytes);
  await second.stop();
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("an endless upload is aborted at the deadline", async () => {
  const server = await startServer({
    env: { ATCR_SERVER_SHUTDOWN_TIMEOUT_SECONDS: "1" },
  });
  using upload = await HalfUpload.begin(server, randomBlob(2 * MB));
  const started = performance.now();
  const [status, cut] = await Promise.all([
    server.stop("SIGINT"),
    upload.isCut(),
  ]);
  assert.equal(status.code, 0, server.log());
  assert.ok(cut);
  const took = performance.now() - started;
  assert.ok(took >= 900 && took < 25_000, `${took} ms`);
  await Deno.remove(server.dataDir, { recursive: true });
});

Deno.test("operators get liveness, readiness and metrics", async () => {
  await using server = await startServer({
    env: { ATCR_METRICS_TOKEN: "observe-me" },
  });
  const { origin } = server;
  for (const path of ["/livez", "/health"]) {
    const answer = expect(await call(`${origin}${path}`, "GET"), 200);
    assert.deepEqual(jsonOf(answer), { status: "ok" });
    expect(await call(`${origin}${path}`, "HEAD"), 200);
  }
  const ready = expect(await call(`${origin}/readyz`, "GET"), 200);
  const { status, checks } = jsonOf(ready) as {
    status: string;
    checks: Record<string, string>;
  };
  assert.equal(status, "ok");
  assert.equal(checks["kv"], "ok");
  assert.equal(checks["storage"], "ok");

  await alices(server).pushImage("x");
  expect(await alices(server).send("GET", "manifests/x"), 200);
  const stranger = await call(`${origin}/metrics`, "GET");
  assert.equal(stranger.status, 401);
  const wrong = await call(`${origin}/metrics`, "GET", { token: "guess" });
  assert.equal(wrong.status, 401);
  const metrics = textOf(
    expect(
      await call(`${origin}/metrics`, "GET", { token: "observe-me" }),
      200,
    ),
  );
  assert.match(metrics, /^\w*manifest_pushes_total 1$/m);
  assert.match(metrics, /^\w*manifest_pulls_total 1$/m);
  for (const line of metrics.split("\n").filter(Boolean)) {
    assert.match(line, /^(# (HELP|TYPE) \w+ .+|\w+(\{.*\})? [-+.\w]+)$/);
  }

  const blobs = `${server.dataDir}/blobs`;
  await Deno.rename(blobs, `${blobs}.away`);
  await Deno.writeTextFile(blobs, "not a folder");
  const broken = await readyWith(origin, 503);
  assert.deepEqual(jsonOf(broken), {
    status: "not ready",
    checks: { ...checks, avatars: "failed", storage: "failed" },
  });
  const logged = new RegExp(`not ready.*${blobs}`);
  await until(() => logged.test(server.log()), server.log);
  expect(await call(`${origin}/livez`, "GET"), 200);
  await Deno.remove(blobs);
  await Deno.rename(`${blobs}.away`, blobs);
  await readyWith(origin, 200);
});

/** The first answer of `/readyz` with `status`; an answer is kept for two seconds. */
async function readyWith(origin: string, status: number): Promise<Answer> {
  let answer = await call(`${origin}/readyz`, "GET");
  await until(async () => {
    if (answer.status !== status) {
      answer = await call(`${origin}/readyz`, "GET");
    }
    return answer.status === status;
  }, () => textOf(answer));
  return answer;
}
