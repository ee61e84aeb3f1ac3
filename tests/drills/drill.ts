/**
 * Parts of drills: images that are pushed and pulled, and a consumer of the
 * firehose.
 *
 * @module
 */

import assert from "node:assert/strict";
import { WebSocket } from "ws";
import { z } from "zod";
import { digestOf, type Manifest } from "../support/oci.ts";
import {
  type Answer,
  call,
  expect,
  header,
  Repository,
} from "../support/registry.ts";
import type { TestServer } from "../support/server.ts";
import { decodeFrame } from "../support/sync_verifier.ts";
import { until } from "../support/until.ts";

const headerSchema = z.looseObject({ t: z.string().optional() });
const bodySchema = z.looseObject({
  seq: z.number().optional(),
  name: z.string().optional(),
  error: z.string().optional(),
});

/** A server and the account that pushes to it. */
export type PushedServer = Pick<TestServer, "origin" | "alice">;

/** Settings of `server` for commands beside it or in its place. */
export function commandEnv(
  { ports: [port, pdsPort, plcPort] }: TestServer,
  dataDir: string,
  env: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    ATCR_SERVER_ADDR: `127.0.0.1:${port}`,
    ATCR_SANDBOX_PDS_PORT: String(pdsPort),
    ATCR_SANDBOX_PLC_PORT: String(plcPort),
    ATCR_DATA_DIR: dataDir,
    ...env,
  };
}

/** Pushes `count` small images with tags that begin with `name`. */
export async function pushImages(
  server: PushedServer,
  name: string,
  count: number,
): Promise<Map<string, Manifest>> {
  const images = new Map<string, Manifest>();
  const repository = new Repository(server, server.alice, "alice.test/app");
  for (let i = 0; i < count; i++) {
    images.set(`${name}${i}`, await repository.pushImage(`${name}${i}`));
  }
  return images;
}

/** Pulls every image with its blobs and compares the bytes; returns the number of blobs. */
export async function pullImages(
  server: PushedServer,
  images: ReadonlyMap<string, Manifest>,
): Promise<number> {
  const repository = new Repository(server, server.alice, "alice.test/app");
  let blobs = 0;
  for (const [tag, image] of images) {
    const answer = await repository.send("GET", `manifests/${tag}`);
    assert.deepEqual(expect(answer, 200).bytes, image.bytes);
    const { config, layers } = JSON.parse(
      new TextDecoder().decode(image.bytes),
    );
    for (const { digest } of [config, ...layers]) {
      const blob = await pullBlob(repository, digest);
      assert.equal(digestOf(expect(blob, 200).bytes), digest);
      blobs++;
    }
  }
  return blobs;
}

/** Requests a blob, at the bucket where the server sends clients there. */
async function pullBlob(
  repository: Repository,
  digest: string,
): Promise<Answer> {
  const answer = await repository.send("GET", `blobs/${digest}`);
  if (answer.status !== 307) return answer;
  return await call(header(answer, "location"), "GET");
}

/** A consumer of the firehose from `cursor` on. */
export class Consumer {
  /** Numbers of events; names of other messages. */
  readonly seen: (number | string)[] = [];
  readonly types: string[] = [];
  readonly #socket: WebSocket;

  constructor(origin: string, cursor?: number) {
    const query = cursor === undefined ? "" : `?cursor=${cursor}`;
    const path = `/xrpc/com.atproto.sync.subscribeRepos${query}`;
    this.#socket = new WebSocket(`${origin.replace("http", "ws")}${path}`);
    this.#socket.on("error", () => {});
    this.#socket.on("message", (data: Uint8Array) => {
      const { header, body } = decodeFrame(new Uint8Array(data));
      const { t } = headerSchema.parse(header);
      const { seq, name, error } = bodySchema.parse(body);
      this.types.push(t ?? "#error");
      this.seen.push(seq ?? name ?? error ?? "");
    });
  }

  /** Waits for an event of the type `type`. */
  async sees(type: string): Promise<void> {
    await until(() => this.types.includes(type), () => this.seen);
  }

  close(): void {
    this.#socket.terminate();
  }
}
