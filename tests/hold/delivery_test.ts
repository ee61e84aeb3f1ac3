/**
 * Real clients push and pull layers through presigned URLs; on the server that
 * `deno task test:s3` names.
 */

import assert from "node:assert/strict";
import { S3 } from "@aws-sdk/client-s3";
import { z } from "zod";
import { ignore, s3Options, withBucket } from "../s3/server.ts";
import { startApart } from "../support/apart.ts";
import { randomBlob, TYPES } from "../support/oci.ts";
import {
  call,
  expect,
  header,
  jsonOf,
  Repository,
} from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { say } from "../tools/command.ts";
import { type ByteCounter, startByteCounter } from "./byte_counter.ts";
import { type Client, openClients } from "./clients.ts";

const manifest = z.object({ layers: z.array(z.object({ size: z.int() })) });

/** What goes beside the layers: manifests, tokens, headers, packets of S3. */
const SMALL = 2_000_000;

/** Settings of the bucket; the program speaks to one address, clients to another. */
function s3Env(inside: string, outside: string): Record<string, string> {
  const { bucket, region, credentials } = s3Options;
  return {
    S3_BUCKET: bucket,
    S3_ENDPOINT: `http://${inside}`,
    ATCR_STORAGE_S3_PUBLIC_ENDPOINT: `http://${outside}`,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}

/** Relays to count what passes: into the program, and to S3 by it and by clients. */
interface Counters {
  readonly inside: ByteCounter;
  readonly outside: ByteCounter;
}

async function withCounters(
  work: (counters: Counters) => Promise<void>,
): Promise<void> {
  const { host } = new URL(s3Options.endpoint);
  await withBucket(async () => {
    await using inside = startByteCounter(host);
    await using outside = startByteCounter(host);
    await work({ inside, outside });
  });
}

/** Bytes of all layers of an image in the registry together; clients may compress them again. */
async function layerBytes(server: TestServer, name: string): Promise<number> {
  const repository = new Repository(server, server.alice, name);
  const answer = await repository.send("GET", "manifests/1", {
    headers: { accept: `${TYPES.manifest}, ${TYPES.dockerManifest}` },
  });
  const { layers } = manifest.parse(jsonOf(expect(answer, 200)));
  return layers.reduce((sum, { size }) => sum + size, 0);
}

/** Pulls with `client` and reports where the bytes went. */
async function countPull(
  client: Client,
  entrance: ByteCounter,
  name: string,
  { inside, outside }: Counters,
) {
  for (const counter of [inside, outside, entrance]) counter.reset();
  await client.pull(entrance.host, name);
  const counts = {
    fromProgram: entrance.down,
    programFromS3: inside.down,
    clientFromS3: outside.down,
  };
  await say(`${client.name}: ${JSON.stringify(counts)}`);
  return counts;
}

Deno.test({
  name:
    "clients pull layers directly from S3, and none of their bytes pass the program",
  ignore,
  fn: () =>
    withCounters(async (counters) => {
      await using world = await openClients();
      for (const reason of world.missing) await say(`left out: ${reason}`);
      assert.ok(world.clients.length > 0, "no client is installed");
      await using server = await startServer({
        env: s3Env(counters.inside.host, counters.outside.host),
      });
      await using entrance = startByteCounter(server.host);
      for (const client of world.clients) {
        const name = `alice.test/${client.name}`;
        await client.push(entrance.host, name, server.alice);
        const pulled = await countPull(client, entrance, name, counters);
        assert.ok(pulled.fromProgram < SMALL);
        assert.ok(pulled.programFromS3 < SMALL);
        assert.ok(
          pulled.clientFromS3 >= await layerBytes(server, name),
        );
      }
    }),
});

Deno.test({
  name: "registry and hold as two programs give clients the addresses of S3",
  ignore,
  fn: () =>
    withCounters(async (counters) => {
      await using world = await openClients();
      const outside = `http://${counters.outside.host}`;
      await using apart = await startApart({
        hold: s3Env(counters.inside.host, counters.outside.host),
        plainOrigins: [outside],
      });
      const { registry } = apart;
      await using entrance = startByteCounter(registry.host);
      for (const client of world.clients) {
        const name = `alice.test/${client.name}`;
        counters.inside.reset();
        await client.push(entrance.host, name, registry.alice);
        // Parts go from the registry to S3, not by way of the hold.
        await say(`${client.name}: push, hold to S3 ${counters.inside.up}`);
        assert.ok(counters.inside.up < SMALL);
        const pulled = await countPull(client, entrance, name, counters);
        assert.ok(pulled.fromProgram < SMALL);
        assert.ok(pulled.programFromS3 < SMALL);
        assert.ok(
          pulled.clientFromS3 >= await layerBytes(registry, name),
        );
      }
    }),
});

Deno.test({
  name: "clients push and pull with registry, hold and files apart",
  ignore,
  fn: async () => {
    await using world = await openClients();
    await using apart = await startApart();
    const { registry } = apart;
    for (const client of world.clients) {
      const name = `alice.test/${client.name}`;
      await client.push(registry.host, name, registry.alice);
      await client.pull(registry.host, name);
    }
  },
});

Deno.test({
  name: "an S3 URL supports ranges, and browsers if the bucket allows them",
  ignore,
  fn: () =>
    withCounters(async ({ inside, outside }) => {
      await using server = await startServer({
        env: s3Env(inside.host, outside.host),
      });
      const repository = new Repository(
        server,
        server.alice,
        "alice.test/ranges",
      );
      const blob = randomBlob(200_000);
      await repository.pushBlob(blob);
      const answer = await repository.send("GET", `blobs/${blob.digest}`, {
        headers: { range: "bytes=10-19" },
      });
      const location = header(expect(answer, 307), "location");
      const part = await call(location, "GET", {
        headers: { range: "bytes=10-19" },
      });
      assert.equal(
        header(expect(part, 206), "content-range"),
        "bytes 10-19/200000",
      );
      assert.deepEqual(part.bytes, blob.bytes.slice(10, 20));
      await allowBrowsers();
      const origin = "https://app.example.com";
      const read = await call(location, "GET", { headers: { origin } });
      assert.equal(read.status, 200);
      assert.match(
        header(read, "access-control-allow-origin"),
        /^(\*|https:\/\/app\.example\.com)$/,
      );
      const asked = await call(location, "OPTIONS", {
        headers: {
          origin,
          "access-control-request-method": "GET",
          "access-control-request-headers": "range",
        },
      });
      assert.ok(asked.status < 300, `${asked.status}`);
      assert.match(header(asked, "access-control-allow-methods"), /GET/);
    }),
});

/** Lets pages of any site read the bucket's signed addresses. */
async function allowBrowsers(): Promise<void> {
  const { bucket, pathStyle, ...options } = s3Options;
  const s3 = new S3({ ...options, forcePathStyle: pathStyle });
  await s3.putBucketCors({
    Bucket: bucket,
    CORSConfiguration: {
      CORSRules: [{
        AllowedOrigins: ["*"],
        AllowedMethods: ["GET", "HEAD"],
        AllowedHeaders: ["range"],
        ExposeHeaders: ["content-range", "content-length"],
      }],
    },
  });
  s3.destroy();
}
