/**
 * The program as the original avatar service: started with exactly the
 * environment variables of its documentation, on a bucket that the public can
 * read or not.
 */

import assert from "node:assert/strict";
import { FakeS3 } from "../support/fake_s3.ts";
import { freePort } from "../tools/ports.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;
const READY_MS = 180_000;

/** What Deno itself needs; the program's own names are not among them. */
const OF_DENO = ["PATH", "HOME", "DENO_DIR", "TMPDIR", "LD_LIBRARY_PATH"];

/** The documented variables of the original, for a bucket at `s3`. */
function original(s3: FakeS3, bucket: string): Record<string, string> {
  return {
    BUCKET_NAME: bucket,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "key",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_ENDPOINT_URL_S3: s3.endpoint,
  };
}

/** Runs `main.ts` with `env` and nothing else, in an empty folder. */
class Started implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #reading: Promise<void>;
  readonly #ready = Promise.withResolvers<void>();
  log = "";

  private constructor(folder: string, env: Record<string, string>) {
    this.#folder = folder;
    const deno = OF_DENO.flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value] as const];
    });
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", `--config=${CONFIG}`, MAIN],
      cwd: folder,
      clearEnv: true,
      env: { ...Object.fromEntries(deno), ...env },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  static async start(env: Record<string, string>): Promise<Started> {
    const folder = await Deno.makeTempDir({ prefix: "atcr-pictures-" });
    const started = new Started(folder, env);
    const timer = setTimeout(
      () => started.#ready.reject(new Error(`Not ready:\n${started.log}`)),
      READY_MS,
    );
    try {
      await started.#ready.promise;
      return started;
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const piece of this.#child.stderr) {
      this.log += decoder.decode(piece, { stream: true });
      if (this.log.includes('"msg":"ready"')) this.#ready.resolve();
    }
    this.#ready.reject(new Error(`The program ended:\n${this.log}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGTERM");
    } catch {
      // It has ended by itself.
    }
    await this.#child.status;
    await this.#reading;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

Deno.test("the variables of the original avatar service start it: avatars only, no sandbox, and the bucket is used", async () => {
  await using s3 = new FakeS3({ isPublic: true });
  const port = freePort();
  await using program = await Started.start({
    ...original(s3, "pictures"),
    LISTEN_ADDR: `:${port}`,
  });
  const at = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${port}${path}`, init);
  const page = await at("/");
  assert.match(await page.text(), /Handle or DID/);
  const ready = await at("/readyz");
  assert.equal(ready.status, 200);
  const { checks } = await ready.json();
  assert.deepEqual(checks, { kv: "ok", avatars: "ok" });
  for (const path of ["/v2/", "/.well-known/did.json"]) {
    const other = await at(path);
    await other.body?.cancel();
    assert.equal(other.status, 404, path);
  }
  const wrong = await at("/not-a-handle.0?w=20");
  assert.equal(wrong.status, 400, await wrong.text());
  assert.doesNotMatch(program.log, /sandbox/i);
  assert.doesNotMatch(program.log, /pictures are not public/);
  assert.ok(s3.keys("pictures").includes("avatars/readable.txt"));
});

Deno.test("a bucket that is not public is found at the start, with what to do", async () => {
  await using s3 = new FakeS3({ isPublic: false });
  const port = freePort();
  await using program = await Started.start({
    ...original(s3, "pictures"),
    LISTEN_ADDR: `127.0.0.1:${port}`,
  });
  assert.match(program.log, /pictures are not public/);
  assert.match(program.log, /bucket policy in docs\/avatars\.md/);
  const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
  assert.equal(ready.status, 200, await ready.text());
});
