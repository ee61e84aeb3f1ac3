/**
 * Measures a hold and prints what it found.
 *
 *   deno task bench:hold                 all parts
 *   deno task bench:hold commits         beside the reference PDS, in turns
 *   deno task bench:hold firehose        200 subscribers at 200 events a second
 *   deno task bench:hold size            a repo of 100,000 records
 *   deno task bench:hold --quick         a look instead of a measurement
 *   deno task bench:hold commits --against ../before
 *                                        beside the hold of another checkout
 *
 * The figures are also left in `.tools/bench/hold.json`. Run it on a quiet
 * machine.
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { chooser } from "../../tools/choice.ts";
import { say } from "../../tools/command.ts";
import { TOOLS_DIR } from "../../tools/paths.ts";
import { measureCommits } from "./commits.ts";
import { measureFirehose } from "./firehose.ts";
import { measureSize } from "./size.ts";

type Part = (quick: boolean, against?: string) => Promise<object>;

const PARTS: Readonly<Record<string, Part>> = {
  commits: measureCommits,
  firehose: measureFirehose,
  size: measureSize,
};

const { positionals, values } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    against: { type: "string" },
  },
});
const wanted = await chooser(Object.keys(PARTS), positionals);
await say(`load ${Deno.loadavg()[0]?.toFixed(2)}, Deno ${Deno.version.deno}`);
const figures: Record<string, object> = {};
for (const [name, measure] of Object.entries(PARTS)) {
  if (!wanted(name)) continue;
  await say(`\n${name}`);
  figures[name] = await measure(values.quick, values.against);
}
const folder = join(TOOLS_DIR, "bench");
await Deno.mkdir(folder, { recursive: true });
await Deno.writeTextFile(
  join(folder, "hold.json"),
  JSON.stringify(figures, null, 2),
);
