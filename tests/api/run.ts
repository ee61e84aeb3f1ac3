/**
 * Drives the public API by its document with schemathesis, and checks feeds
 * with jing and the schema of RFC 4287.
 *
 *   deno task test:api [EXAMPLES]
 *
 * EXAMPLES is how many requests are made up for each operation, 30 by default.
 * What is not installed is left out with a sentence; the exit code is 1 when
 * something was wrong or nothing could be checked.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { startInProcess } from "../hold/in_process.ts";
import { call, Repository, textOf } from "../support/registry.ts";
import { CommandError, run, say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { pythonPrograms } from "../tools/python.ts";

/** Of PyPI. */
const SCHEMATHESIS = "4.32.5";
const SCHEMA = new URL("rfc4287.rnc", import.meta.url).pathname;
const LIMIT_MS = 30 * 60_000;

const [examples = "30"] = Deno.args;
await using program = await startInProcess(new MemoryBlobStore());
const { origin, ctx } = program;
const app = new Repository(program, program.alice, "alice.test/team/app");
for (const tag of ["v1", "v2", "v3"]) await app.pushImage(tag);
await ctx.social?.flush();
await ctx.social?.counts.refresh(new AbortController().signal);
const checks = [await feeds(), await api()];
Deno.exitCode = checks.includes(false) || !checks.includes(true) ? 1 : 0;

/** True: valid; undefined: jing is missing. */
async function feeds(): Promise<boolean | undefined> {
  const jing = await findProgram("jing");
  if (!jing) {
    await say("Feeds are not checked: install jing (deno task tools jing).");
    return undefined;
  }
  const folder = await Deno.makeTempDir({ prefix: "atcr-feeds-" });
  const paths = [
    "/feed.atom",
    "/u/alice.test/feed.atom",
    // Without entries.
    `/u/${program.bob.did}/feed.atom`,
    "/r/alice.test/team/app/-/feed.atom",
  ];
  try {
    for (const path of paths) {
      const answer = await call(new URL(path, origin), "GET");
      assert.equal(answer.status, 200, path);
      const file = join(folder, "feed.xml");
      await Deno.writeTextFile(file, textOf(answer));
      await run(jing, ["-c", SCHEMA, file]);
      await say(`valid  ${path}`);
    }
    return true;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    await say(`${error.message}\n${error.output.stdout}`);
    return false;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** True: every answer is one that the document describes; undefined: schemathesis is missing. */
async function api(): Promise<boolean | undefined> {
  const schemathesis = await installed();
  if (!schemathesis) return undefined;
  const config = await Deno.makeTempFile({ suffix: ".toml" });
  await Deno.writeTextFile(config, configuration());
  const child = new Deno.Command(schemathesis, {
    args: [
      ...["--config-file", config, "run", `${origin}/api/v1/openapi.json`],
      ...["--url", origin, "--max-examples", examples],
      // Cursors are opaque: texts of their form are refused.
      ...["--exclude-checks", "positive_data_acceptance"],
    ],
    stdin: "null",
  }).spawn();
  const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const { success } = await child.status;
  clearTimeout(limit);
  await Deno.remove(config);
  return success;
}

/** Values that lead to something, so that not all answers are 404. */
function configuration(): string {
  const hold = ctx.hold?.did ?? "";
  return `
[parameters]
"path.owner" = "alice.test"
"path.name" = "team/app"
"path.actor" = ["alice.test", "${program.alice.did}"]
"path.hold" = "${hold}"
"query.repository" = "alice.test/team/app"
"query.tag" = ["v1", "v2", "none"]
`;
}

/** The program: from PATH, else from PyPI where there is Python. */
async function installed(): Promise<string | undefined> {
  const found = await findProgram("schemathesis");
  if (found) return found;
  try {
    const folder = await pythonPrograms("schemathesis", SCHEMATHESIS);
    return join(folder, "schemathesis");
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    await say(`The API is not checked: ${error.message}`);
    return undefined;
  }
}
