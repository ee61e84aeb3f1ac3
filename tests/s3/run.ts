/**
 * `deno task test:s3 [ceph] [versitygw] [-- ARGUMENTS OF deno test]`: the tests
 * of the S3 driver on real servers, which are installed when that is possible.
 * Without a name every available server is used. Your own server is configured
 * in `TEST_S3_ENDPOINT`, `TEST_S3_ACCESS_KEY` and `TEST_S3_SECRET_KEY`.
 *
 * @module
 */

import { chooser } from "../tools/choice.ts";
import { say } from "../tools/command.ts";
import type { S3Kind } from "./kinds.ts";
import { S3_SERVERS } from "./servers.ts";

const TESTS = [
  "tests/contract/s3_test.ts",
  "tests/contract/s3_faults_test.ts",
  "tests/http/avatar_test.ts",
  "tests/hold/delivery_test.ts",
  "tests/hold/faults_test.ts",
  "tests/hold/rot_test.ts",
];

async function runTests(
  env: Record<string, string>,
  args: readonly string[],
): Promise<boolean> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...args, ...TESTS],
    env,
    stdin: "null",
  });
  return (await command.spawn().status).success;
}

async function runOn(
  kind: S3Kind,
  args: readonly string[],
): Promise<boolean> {
  await say(`starting ${kind.name} ...`);
  const server = await kind.start();
  await say(`${kind.name} answers at ${server.endpoint}`);
  try {
    return await runTests({
      TEST_S3_ENDPOINT: server.endpoint,
      TEST_S3_ACCESS_KEY: server.accessKey,
      TEST_S3_SECRET_KEY: server.secretKey,
    }, args);
  } finally {
    await server.stop();
  }
}

async function main(): Promise<number> {
  const split = Deno.args.indexOf("--");
  const names = split < 0 ? Deno.args : Deno.args.slice(0, split);
  const args = split < 0 ? [] : Deno.args.slice(split + 1);
  if (Deno.env.get("TEST_S3_ENDPOINT")) {
    return await runTests({}, args) ? 0 : 1;
  }
  const wanted = await chooser(Object.keys(S3_SERVERS), names);
  let ran = 0;
  let failed = 0;
  for (const [name, kind] of Object.entries(S3_SERVERS)) {
    if (!wanted(name)) continue;
    const reason = await kind.missing();
    if (reason !== undefined) {
      await say(`${kind.name} does not run here: it ${reason}.`);
      if (names.length > 0) failed++;
      continue;
    }
    ran++;
    if (!await runOn(kind, args)) failed++;
  }
  if (ran === 0) {
    await say(
      "No S3 server was tested. Name one in TEST_S3_ENDPOINT, " +
        "TEST_S3_ACCESS_KEY and TEST_S3_SECRET_KEY.",
    );
  }
  return ran > 0 && failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
