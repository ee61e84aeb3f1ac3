/**
 * `docker-credential-atcr`: the credential helper of this registry for docker,
 * podman and similar clients. Uses only `node:` modules, and is shipped as one
 * bundled file.
 *
 * @module
 */

import process from "node:process";
import { runHelper } from "./commands.ts";
import { Failure } from "./failure.ts";
import { systemMachine } from "./machine.ts";
import { printable } from "../../lib/text.ts";

try {
  process.exitCode = await runHelper(process.argv.slice(2), systemMachine());
} catch (error) {
  if (!(error instanceof Failure)) throw error;
  // Container clients read errors from standard output.
  const stream = error.forClient ? process.stdout : process.stderr;
  stream.write(`${printable(error.message)}\n`);
  process.exitCode = 1;
}
