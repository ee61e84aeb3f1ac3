/**
 * Avatars against a real PDS: the flows of the original documents, on the
 * filesystem and, where one is named, on a real S3 server.
 */

import assert from "node:assert/strict";
import { sniff } from "../../lib/avatar/image/sniff/sniff.ts";
import { loadConfig } from "../../lib/config/config.ts";
import { createContext } from "../../lib/context.ts";
import { createApp } from "../../routes/app.ts";
import { makePublicBucket } from "../s3/public_bucket.ts";
import { fixture } from "../support/images.ts";
import { setAvatar } from "../support/profile.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { silentLogger } from "../../lib/testing_log.ts";

const BASE = "http://127.0.0.1:5123";
const IMMUTABLE = "public, max-age=31536000, immutable";
const PHOTO = fixture("jpeg/photo-256.jpg");
const TURNED = fixture("orient/jpeg-o6.jpg");
/** How long a profile, or the lack of one, is believed here, in milliseconds. */
const TTL_MS = 1000;

/** The settings of one store. */
type Storage = Record<string, string>;

/** An S3 server named in the environment, with a bucket that everybody may read. */
async function publicBucket(): Promise<Storage | undefined> {
  const endpoint = Deno.env.get("TEST_S3_ENDPOINT");
  const accessKey = Deno.env.get("TEST_S3_ACCESS_KEY");
  const secretKey = Deno.env.get("TEST_S3_SECRET_KEY");
  if (!endpoint || !accessKey || !secretKey) return undefined;
  const bucket = `avatars-${crypto.randomUUID()}`;
  await makePublicBucket({ endpoint, accessKey, secretKey }, bucket);
  return {
    BUCKET_NAME: bucket,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: secretKey,
    AWS_ENDPOINT_URL_S3: endpoint,
  };
}

type Handler = (request: Request) => Response | Promise<Response>;

/** The program with the avatar role alone, beside a sandbox network. */
class Program implements AsyncDisposable {
  readonly sandbox: TestSandbox;
  readonly #folder: string;
  readonly #close: () => void;
  readonly #fetch: Handler;

  private constructor(
    sandbox: TestSandbox,
    folder: string,
    close: () => void,
    fetch: Handler,
  ) {
    this.sandbox = sandbox;
    this.#folder = folder;
    this.#close = close;
    this.#fetch = fetch;
  }

  static async start(storage: Storage): Promise<Program> {
    const sandbox = await startTestSandbox();
    const folder = await Deno.makeTempDir({ prefix: "atcr-avatars-" });
    const config = loadConfig({
      args: [],
      env: {
        ATCR_SERVER_ROLES: "avatar",
        ATCR_SERVER_BASE_URL: BASE,
        ATCR_DATA_DIR: folder,
        ATCR_AVATAR_PROFILE_TTL_SECONDS: String(TTL_MS / 1000),
        ATCR_AVATAR_NEGATIVE_TTL_SECONDS: String(TTL_MS / 1000),
        ...storage,
      },
      readTextFile: (path) => Deno.readTextFileSync(path),
    });
    const ctx = await createContext(config, silentLogger, { sandbox });
    const app = createApp(ctx, {
      stopping: () => false,
      denoServe: false,
    });
    return new Program(sandbox, folder, () => ctx.close(), app.fetch);
  }

  /** Asks the program; other origins are asked over the network. */
  async get(url: string, init: RequestInit = {}): Promise<Response> {
    const target = new URL(url, BASE);
    const request = new Request(target, { ...init, redirect: "manual" });
    return target.origin === BASE
      ? await this.#fetch(request)
      : await fetch(request);
  }

  /** Gives alice a picture; returns its CID. */
  async setAvatar(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    return await setAvatar(this.sandbox, this.sandbox.alice, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await this.sandbox[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

function locationOf(response: Response): string {
  assert.equal(response.status, 302);
  assert.equal(response.headers.get("cache-control"), null);
  return response.headers.get("location") ?? "";
}

const later = () => new Promise((resolve) => setTimeout(resolve, TTL_MS + 100));

async function flows(storage: Storage): Promise<void> {
  await using program = await Program.start(storage);
  const { alice } = program.sandbox;
  const none = await program.get("/alice.test");
  assert.equal(none.status, 404);
  assert.match(await none.text(), /alice\.test has no avatar/);

  const first = await program.setAvatar(PHOTO);
  await later();
  const shapes = [
    ["?w=200&h=200", "w200-h200-q85.webp", "image/webp", 200, 200],
    ["?w=200&h=100&f=jpg", "w200-h100-q85.jpg", "image/jpeg", 200, 100],
    ["?w=64&f=png", "w64.png", "image/png", 64, 64],
    ["?h=32&q=50", "h32-q50.webp", "image/webp", 32, 32],
    ["", "default.webp", "image/webp", 256, 256],
  ] as const;
  for (const [query, name, type, width, height] of shapes) {
    const location = locationOf(await program.get(`/${alice.did}${query}`));
    assert.ok(
      location.endsWith(`/avatars/${alice.did}/${first}/${name}`),
      location,
    );
    const object = await program.get(location);
    assert.equal(object.status, 200, location);
    assert.equal(object.headers.get("content-type"), type);
    assert.equal(object.headers.get("cache-control"), IMMUTABLE);
    const info = sniff(new Uint8Array(await object.arrayBuffer()));
    assert.deepEqual([info?.width, info?.height], [width, height], name);
  }
  const original = await program.get(
    locationOf(await program.get(`/${alice.did}`))
      .replace(`${first}/default.webp`, `original/${first}`),
  );
  assert.deepEqual(new Uint8Array(await original.arrayBuffer()), PHOTO);

  const second = await program.setAvatar(TURNED);
  await later();
  const changed = locationOf(await program.get("/alice.test?w=96"));
  assert.match(changed, new RegExp(second));
  const upright = await program.get(changed);
  const info = sniff(new Uint8Array(await upright.arrayBuffer()));
  assert.deepEqual([info?.width, info?.height], [96, 64]);

  await program.sandbox.stop();
  await later();
  const known = await program.get("/alice.test?w=96");
  assert.equal(known.headers.get("x-cache"), "stale");
  assert.match(locationOf(known), new RegExp(second));
  const other = await program.get("/alice.test?w=40&f=png");
  assert.match(locationOf(other), new RegExp(`${second}/w40\\.png`));
  assert.equal((await program.get(locationOf(other))).status, 200);
}

Deno.test({
  name:
    "an avatar from a real PDS, changed, and answered when the PDS is gone, on the filesystem",
  sanitizeResources: false,
  sanitizeOps: false,
  fn: () => flows({}),
});

const bucket = await publicBucket();

Deno.test({
  name:
    "the same with a public S3 bucket, under the names of the original documents",
  ignore: bucket === undefined,
  sanitizeResources: false,
  sanitizeOps: false,
  fn: () => flows(bucket ?? {}),
});
