/**
 * One run of the official conformance program against a registry.
 *
 * @module
 */

import { join } from "node:path";
import { CommandError, run, say } from "../tools/command.ts";
import { TOOLS_DIR } from "../tools/paths.ts";
import type { Product } from "../tools/product.ts";

/** What is tested. */
export interface ConformanceOptions {
  /** Name of the only test to run. */
  readonly filter?: string | undefined;
  /** With images whose blobs were never pushed. */
  readonly sparse?: boolean | undefined;
}

const RUN_LIMIT_MS = 20 * 60_000;

/** Switches whose defaults are off, or off in the version under test. */
const EVERYTHING_ON = [
  "OCI_API_BLOBS_ATOMIC",
  "OCI_API_BLOBS_DELETE",
  "OCI_API_BLOBS_DIGEST_HEADER",
  "OCI_API_BLOBS_MOUNT_ANONYMOUS",
  "OCI_API_BLOBS_UPLOAD_CANCEL",
  "OCI_API_MANIFESTS_ATOMIC",
  "OCI_API_MANIFESTS_DELETE",
  "OCI_API_MANIFESTS_DIGEST_HEADER",
  "OCI_API_MANIFESTS_TAG_PARAM",
  "OCI_API_TAGS_ATOMIC",
  "OCI_API_TAGS_DELETE",
  "OCI_API_TAGS_LIST",
  "OCI_API_REFERRER",
  "OCI_DATA_EMPTY_BLOB",
  "OCI_DATA_SHA512",
];

/**
 * Wants images whose blobs were never pushed to be accepted. The specification
 * leaves that open; the product refuses them with MANIFEST_BLOB_UNKNOWN, and
 * takes indexes whose children are missing.
 */
const SPARSE = "OCI_DATA_SPARSE";

/** Runs one version, prints its tables; whether all has passed. */
export async function passes(
  conformance: string,
  { host, alice }: Pick<Product, "host" | "alice">,
  version: string,
  options: ConformanceOptions = {},
): Promise<boolean> {
  const results = join(TOOLS_DIR, "conformance", version);
  // A report of an earlier run must not be taken for this one's.
  await Deno.remove(results, { recursive: true }).catch(() => {});
  await Deno.mkdir(results, { recursive: true });
  const slug = version.replace(/[^a-z0-9]+/g, "-");
  const { stdout, ended } = await report(conformance, {
    OCI_VERSION: version,
    OCI_REGISTRY: host,
    OCI_TLS: "disabled",
    OCI_REPO1: `${alice.handle}/conformance-${slug}-a`,
    OCI_REPO2: `${alice.handle}/conformance-${slug}-b`,
    OCI_USERNAME: alice.handle,
    OCI_PASSWORD: alice.appPassword,
    OCI_RESULTS_DIR: results,
    [SPARSE]: `${options.sparse ?? false}`,
    ...(options.filter === undefined
      ? {}
      : { OCI_FILTER_TEST: options.filter }),
    ...Object.fromEntries(EVERYTHING_ON.map((name) => [name, "true"])),
  });
  await Deno.writeTextFile(join(results, "output.txt"), stdout);
  await say(`\n==== OCI_VERSION=${version}`);
  const tables = stdout.indexOf("OCI Conformance Result:");
  if (tables < 0) {
    await say(`The program has not run to its end.\n${stdout}${ended}`);
    return false;
  }
  const bad = failures(stdout.slice(0, tables));
  if (bad.length > 0) await say(bad.join("\n"));
  await say(stdout.slice(tables).trimEnd());
  return /^OCI Conformance Result: Pass$/m.test(stdout) && ended === "";
}

async function report(
  conformance: string,
  env: Record<string, string>,
): Promise<{ stdout: string; ended: string }> {
  try {
    const { stdout } = await run(conformance, [], {
      env,
      limitMs: RUN_LIMIT_MS,
    });
    return { stdout, ended: "" };
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return { stdout: error.output.stdout, ended: error.message };
  }
}

/** Lines of the tests that failed, with the reasons below them. */
function failures(text: string): string[] {
  let failing = false;
  return text.split("\n").filter((line) => {
    if (/^\s*OCI Conformance Test.*: /.test(line)) {
      failing = /: (FAIL|Error)$/.test(line);
    }
    return failing;
  });
}
