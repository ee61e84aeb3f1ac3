/**
 * Runs the official conformance program of the OCI distribution specification
 * against the product, for the newest draft and for version 1.1, with
 * everything switched on.
 *
 *   deno task test:conformance                        both versions
 *   deno task test:conformance 1.1                    one of them
 *   deno task test:conformance --sparse               with incomplete images
 *   deno task test:conformance --set NAME=VALUE       with a setting of the product
 *   deno task test:conformance --s3 versitygw         with blobs in an S3 server
 *   deno task test:conformance --apart                   registry and hold as two programs
 *   deno task test:conformance dev --filter "OCI Conformance Test/sha256 blobs"
 *
 * The reports are left in `.tools/conformance/`. The exit code is 1 when a test
 * has failed or has not run, 2 when the program is missing.
 *
 * @module
 */

import { S3 } from "@aws-sdk/client-s3";
import { parseArgs } from "node:util";
import { type Apart, startApart } from "../support/apart.ts";
import { S3_SERVERS } from "../s3/servers.ts";
import { say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { type Product, startProduct } from "../tools/product.ts";
import { passes } from "./program.ts";

const VERSIONS = ["dev", "1.1"];

const { positionals, values } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    filter: { type: "string" },
    set: { type: "string", multiple: true },
    sparse: { type: "boolean", default: false },
    s3: { type: "string" },
    apart: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
  },
});
const program = await findProgram("conformance");
if (program === undefined) {
  await say(
    'The conformance program is missing: run "deno task tools conformance".',
  );
  Deno.exit(2);
}

const dataDir = await Deno.makeTempDir({ prefix: "atcr-conformance-" });
const settings = Object.fromEntries(
  (values.set ?? []).map((pair) => pair.split(/=(.*)/s, 2)),
);
let storage: Awaited<ReturnType<typeof openS3>> | undefined;
let product: Product | undefined;
let apart: Apart | undefined;
let failed = 0;
try {
  if (values.s3 !== undefined) storage = await openS3(values.s3);
  const env = { ...storage?.env, ...settings };
  if (values.apart) {
    apart = await startApart({
      registry: settings,
      hold: env,
      plainOrigins: storage ? [storage.env.S3_ENDPOINT] : [],
    });
  } else product = await startProduct({ dataDir, env });
  const tested = apart?.registry ?? product;
  for (const version of positionals.length > 0 ? positionals : VERSIONS) {
    if (!tested || !await passes(program, tested, version, values)) failed++;
  }
} finally {
  await apart?.[Symbol.asyncDispose]();
  await product?.stop();
  await storage?.stop();
  if (values.keep) await say(`The data are kept in ${dataDir}`);
  else await Deno.remove(dataDir, { recursive: true });
}
Deno.exit(failed === 0 ? 0 : 1);

/** Starts an S3 server with an empty bucket; `env` leads the product to it. */
async function openS3(name: string) {
  const kind = S3_SERVERS[name];
  const reason = kind ? await kind.missing() : "is not known";
  if (!kind || reason !== undefined) {
    await say(`The S3 server ${name} does not run here: it ${reason}.`);
    Deno.exit(2);
  }
  const { endpoint, accessKey, secretKey, stop } = await kind.start();
  const s3 = new S3({
    endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  });
  await s3.createBucket({ Bucket: "conformance" });
  s3.destroy();
  return {
    stop,
    env: {
      S3_BUCKET: "conformance",
      S3_ENDPOINT: endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: secretKey,
    },
  };
}
