/**
 * ATCR: container registry, hold and avatars for the AT Protocol, in one
 * program.
 *
 *   deno run -A main.ts [--config FILE]     serve
 *   deno run -A main.ts config init         print a commented configuration
 *   deno run -A main.ts config check        print the effective configuration
 *   deno run -A main.ts doctor              check that everything works
 *   deno run -A main.ts help                all commands
 *
 * @module
 */

import { completeRuntime, refusalOfDeno } from "./cli/start/oldest_deno.ts";

const refusal = refusalOfDeno(Deno.version.deno);
if (refusal !== undefined) {
  Deno.stderr.writeSync(new TextEncoder().encode(`${refusal}\n`));
  Deno.exit(1);
}
completeRuntime();
// Not before: an older Deno cannot load everything that the program is made of.
const { run } = await import("./cli/start/run.ts");
await run();
