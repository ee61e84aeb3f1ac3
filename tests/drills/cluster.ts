/**
 * Parts of drills: several instances on one PostgreSQL and one bucket, behind a
 * proxy with the site of `deploy/` or without one.
 *
 * @module
 */

import { S3 } from "@aws-sdk/client-s3";
import type { S3Server } from "../s3/kinds.ts";
import { type FaultProxy, startFaultProxy } from "../s3/fault_proxy.ts";
import { versitygw } from "../s3/versitygw.ts";
import { hasPostgres, startPostgres } from "../support/postgres.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { findProgram } from "../tools/paths.ts";
import { freePort, freePorts } from "../tools/ports.ts";
import { type Front, type FrontKind, startFront } from "./front.ts";

/** Instances with everything that they share. */
export interface Cluster extends AsyncDisposable {
  /** The public address: that of the proxy, or of the first instance. */
  readonly origin: string;
  readonly sandbox: TestSandbox;
  /** The captain of the hold. */
  readonly alice: TestSandbox["alice"];
  readonly instances: readonly Program[];
  /** Between the instances and the bucket. */
  readonly bucket: FaultProxy;
  /** Starts the instance at `index` again after it was stopped. */
  restart(index: number): Promise<Program>;
  /** Lets the proxy lead to the first `count` instances only. */
  use(count: number): Promise<void>;
}

/** Options of {@linkcode startCluster}. */
export interface ClusterOptions {
  readonly instances: number;
  readonly front?: FrontKind;
  /** Value for `kv.url`; a PostgreSQL server of its own by default. */
  readonly database?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const BUCKET = "drill";
const SECRET = btoa("a secret key of thirty-two bytes");

/** Whether PostgreSQL and an S3 server are installed. */
export const canRunCluster = hasPostgres &&
  await findProgram("versitygw") !== undefined;

/** Starts everything. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const sandbox = stack.use(await startTestSandbox());
  const database = options.database ??
    await stack.use(await startPostgres()).database();
  const s3 = await versitygw.start();
  stack.defer(() => s3.stop());
  await makeBucket(s3);
  const bucket = await startFaultProxy(s3.endpoint);
  stack.defer(() => bucket.close());
  const ports = freePorts(options.instances);
  const publicPort = options.front ? freePort() : ports[0] ?? 0;
  const origin = `http://localhost:${publicPort}`;
  const env = {
    ATCR_SANDBOX_ENABLED: "true",
    ATCR_SANDBOX_START: "false",
    ATCR_SANDBOX_PDS_PORT: new URL(sandbox.pds).port,
    ATCR_SANDBOX_PLC_PORT: new URL(sandbox.plc).port,
    DATABASE_URL: database,
    ATCR_SERVER_BASE_URL: origin,
    ATCR_SERVER_TRUST_PROXY: options.front ? "true" : "false",
    ATCR_SECRET_KEY: SECRET,
    HOLD_OWNER: sandbox.alice.did,
    HOLD_PUBLIC: "true",
    HOLD_ALLOW_ALL_CREW: "true",
    S3_BUCKET: BUCKET,
    S3_ENDPOINT: bucket.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: s3.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.secretKey,
    ...options.env,
  };
  const instances: Program[] = [];
  const start = (port: number) => startProgram({ port, env });
  for (const port of ports) instances.push(await start(port));
  stack.defer(async () => {
    await Promise.all(instances.map((one) => one[Symbol.asyncDispose]()));
  });
  let front: Front | undefined;
  if (options.front) {
    front = stack.use(await startFront(options.front, publicPort, ports));
  }
  const all = stack.move();
  return {
    origin,
    sandbox,
    alice: sandbox.alice,
    instances,
    bucket,
    restart: async (index) => {
      const program = await start(ports[index] ?? 0);
      instances[index] = program;
      return program;
    },
    use: async (count) => await front?.use(ports.slice(0, count)),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function makeBucket(server: S3Server): Promise<void> {
  const s3 = new S3({
    endpoint: server.endpoint,
    region: "us-east-1",
    forcePathStyle: true,
    credentials: {
      accessKeyId: server.accessKey,
      secretAccessKey: server.secretKey,
    },
  });
  await s3.createBucket({ Bucket: BUCKET });
  s3.destroy();
}
