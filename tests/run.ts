/**
 * Runs the test suite and ends with one plain line that counts it:
 * `N passed, N failed, N skipped`.
 *
 *   deno task test              everything that needs nothing but Deno
 *   deno task test lib/oci      one folder or file
 *
 * @module
 */

/** Folders of the default run. Suites that need other programs have tasks of their own. */
const DEFAULT = [
  "lib",
  "routes",
  "cli",
  "sandbox",
  "tests/account_rows_test.ts",
  "tests/architecture_test.ts",
  "tests/docs_test.ts",
  "tests/house",
  "tests/lint",
  "tests/contract/kv_test.ts",
  "tests/contract/postgres_kv_test.ts",
  "tests/contract/blob_store_test.ts",
  "tests/http",
  "tests/auth",
  "tests/pds_dialects/core_test.ts",
  "tests/deploy",
];

const LIMIT_MINUTES = 30;
const SEED = new URL("support/seed.ts", import.meta.url).pathname;

const paths = Deno.args.length > 0 ? Deno.args : await existing(DEFAULT);
const child = new Deno.Command(Deno.execPath(), {
  args: ["test", "-A", "--parallel", `--preload=${SEED}`, ...paths],
  stdout: "piped",
  stderr: "inherit",
  stdin: "null",
  env: { NO_COLOR: "1", DENO_JOBS: "2" },
}).spawn();

// A test that hangs must not look like one that takes long.
const limit = setTimeout(() => {
  const message = `The tests take longer than ${LIMIT_MINUTES} minutes\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(message));
  child.kill("SIGKILL");
}, LIMIT_MINUTES * 60_000);
const decoder = new TextDecoder();
let tail = "";
for await (const chunk of child.stdout) {
  await Deno.stdout.write(chunk);
  tail = (tail + decoder.decode(chunk, { stream: true })).slice(-4096);
}
const { code } = await child.status;
clearTimeout(limit);
const summary = /(\d+) passed[^|]*\| (\d+) failed(?: \| (\d+) ignored)?/g;
const last = [...tail.matchAll(summary)].at(-1);
const [, passed = "0", failed = "0", skipped = "0"] = last ?? [];
const line = `${passed} passed, ${failed} failed, ${skipped} skipped\n`;
await Deno.stdout.write(new TextEncoder().encode(line));
Deno.exit(code === 0 && passed === "0" ? 1 : code);

async function existing(candidates: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of candidates) {
    const there = await Deno.stat(path).then(() => true, () => false);
    if (there) found.push(path);
  }
  return found;
}
