/**
 * The program without a disk: without permission to write files, on a read-only
 * file system, with little memory, with its state in S3 and KV Connect.
 *
 * @module
 */

import { networkEnv } from "../support/hold.ts";
import { type Program, startProgram } from "../support/program.ts";
import { type RemoteKv, startRemoteKv } from "../support/remote_kv.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import type { S3Server } from "../s3/kinds.ts";
import { makePublicBucket } from "../s3/public_bucket.ts";
import { versitygw } from "../s3/versitygw.ts";
import { ROOT } from "../tools/paths.ts";
import { freePorts } from "../tools/ports.ts";

/** Memory that the program may take, in mebibytes. */
export const MEMORY_MIB = 512;
const BUCKET = "sealed";
const GROUPS = "/sys/fs/cgroup/memory";

/** Restrictions that this machine can apply to a process. */
export const means = {
  /** A read-only file system: needs root on Linux. */
  readOnlyDisk: Deno.build.os === "linux" && Deno.uid() === 0,
  /** A limit on memory by the kernel: needs control groups, version 1. */
  memoryLimit: Deno.uid() === 0 &&
    await Deno.stat(`${GROUPS}/memory.limit_in_bytes`)
      .then(() => true, () => false),
} as const;

/** A running installation. */
export interface Sealed extends AsyncDisposable {
  readonly sandbox: TestSandbox;
  readonly program: Program;
  readonly s3: S3Server;
  /** Most memory that the kernel has counted, page cache included, in mebibytes; undefined where it does not count. */
  peakMebibytes(): Promise<number | undefined>;
}

/**
 * Starts a network, a store for objects and one for keys, and the program with
 * `roles`, which may read its own folder where `mayRead` says so.
 */
export async function startSealed(
  roles: string,
  mayRead: boolean,
): Promise<Sealed> {
  await using parts = new AsyncDisposableStack();
  const sandbox = parts.use(await startTestSandbox());
  const kv = parts.use(await startRemoteKv());
  const s3 = await versitygw.start();
  parts.defer(() => s3.stop());
  await makePublicBucket(s3, BUCKET);
  const [port = 0] = freePorts(1);
  const group = `${GROUPS}/atcr-${port}`;
  if (means.memoryLimit) {
    await Deno.mkdir(group);
    parts.defer(() => Deno.remove(group));
    await Deno.writeTextFile(
      `${group}/memory.limit_in_bytes`,
      `${MEMORY_MIB}M`,
    );
  }
  const program = parts.use(
    await startProgram({
      port,
      dataDir: "/nonexistent",
      env: { ...networkEnv(sandbox), ...settings(roles, kv, s3, sandbox) },
      runner: runnerOf(group, mayRead),
    }),
  );
  const rest = parts.move();
  return {
    sandbox,
    program,
    s3,
    peakMebibytes: async () => {
      if (!means.memoryLimit) return undefined;
      const file = `${group}/memory.max_usage_in_bytes`;
      return Number(await Deno.readTextFile(file)) / 2 ** 20;
    },
    [Symbol.asyncDispose]: () => rest.disposeAsync(),
  };
}

function settings(
  roles: string,
  kv: RemoteKv,
  s3: S3Server,
  { alice }: TestSandbox,
): Record<string, string> {
  return {
    ATCR_SERVER_ROLES: roles,
    ATCR_SECRET_KEY: "c2VhbGVkc2VhbGVkc2VhbGVkc2VhbGVkc2VhbGVkc2U=",
    ATCR_KV_URL: kv.url,
    DENO_KV_ACCESS_TOKEN: kv.token,
    ATCR_HOLD_OWNER: alice.did,
    ATCR_HOLD_PUBLIC: "true",
    ATCR_AVATAR_PROFILE_TTL_SECONDS: "1",
    ...(roles === "avatar" ? {} : { S3_BUCKET: BUCKET }),
    BUCKET_NAME: BUCKET,
    AWS_REGION: "us-east-1",
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKey,
    AWS_SECRET_ACCESS_KEY: s3.secretKey,
  };
}

/** Deno with the rights that are needed, on a disk that cannot be written, in a group with little memory. */
function runnerOf(
  group: string,
  mayRead: boolean,
): readonly [string, ...string[]] {
  const deno = [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--cached-only",
    "--allow-net",
    "--allow-env",
    "--allow-sys",
    ...(mayRead ? [`--allow-read=${ROOT}`] : []),
  ] as const;
  const before = [
    ...(means.memoryLimit ? [`echo $$ > ${group}/cgroup.procs`] : []),
    ...(means.readOnlyDisk ? ["mount -o remount,ro,bind /"] : []),
  ];
  if (before.length === 0) return deno;
  const script = [...before, 'exec "$@"'].join(" && ");
  return means.readOnlyDisk
    ? ["unshare", "--mount", "sh", "-c", script, "sh", ...deno]
    : ["sh", "-c", script, "sh", ...deno];
}
