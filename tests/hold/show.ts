/**
 * `deno task test:hold [PART ...]`: shows everything that a hold promises, part
 * by part; without a name all of them. `--quick` measures shortly only. What a
 * part needs besides Deno comes with `deno task tools`; it says what it leaves
 * out.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { chooser } from "../tools/choice.ts";
import { say } from "../tools/command.ts";

/** Arguments of `deno` that show each part. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  /** Independent consumers of events and repo, through kill -9. */
  sync: ["task", "-q", "test:sync"],
  /** Every method as its lexicon says. */
  lexicons: ["test", "-A", "-q", "tests/http/hold_lexicon_test.ts"],
  /** Access, and attacks. */
  access: [
    "test",
    "-A",
    "-q",
    "tests/http/hold_access_test.ts",
    "tests/http/hold_token_attacks_test.ts",
    "tests/http/hold_rights_attacks_test.ts",
    "tests/http/hold_input_attacks_test.ts",
  ],
  /** Real S3 servers: the driver's contract, faults, clients, two programs. */
  s3: ["task", "-q", "test:s3"],
  /** Registry and hold apart, over XRPC only. */
  apart: ["test", "-A", "-q", "tests/http/apart_test.ts"],
  /** Garbage collection of blobs. */
  gc: [
    "test",
    "-A",
    "-q",
    "lib/hold/gc/gc_test.ts",
    "lib/hold/gc/manifest_census_test.ts",
    "tests/http/hold_gc_test.ts",
  ],
  /** Commits, firehose, size. */
  bench: ["task", "-q", "bench:hold"],
};

const { positionals, values } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false } },
});
const wanted = await chooser(Object.keys(PARTS), positionals);
const failed: string[] = [];
for (const [part, args] of Object.entries(PARTS)) {
  if (!wanted(part)) continue;
  await say(`\n== ${part}`);
  const quick = part === "bench" && values.quick ? ["--quick"] : [];
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args, ...quick],
    stdin: "null",
  }).spawn();
  const { success } = await child.status;
  if (!success) failed.push(part);
}
await say(failed.length > 0 ? `\nfailed: ${failed.join(", ")}` : "\nall shown");
Deno.exit(failed.length > 0 ? 1 : 0);
