/**
 * Fuzzes a server over HTTP for as long as it takes.
 *
 *   deno task fuzz                          100,000 requests
 *   deno task fuzz --cases 1000000          more of them
 *   deno task fuzz --seed 7                 the same ones again
 *
 * @module
 */

import { parseArgs } from "node:util";
import { startServer } from "../support/server.ts";
import { fuzz, FUZZ_ENV } from "./fuzzer.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: { cases: { type: "string" }, seed: { type: "string" } },
});
const cases = Number(values.cases ?? 100_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
const say = (text: string) =>
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));

say(`${cases} cases, --seed ${seed}`);
await using server = await startServer({ env: FUZZ_ENV });
let told = 0;
const report = await fuzz(server, {
  cases,
  seed,
  progress: (done) => {
    if (done < told + 10_000) return;
    told = done;
    say(`${done} of ${cases}`);
  },
});
const perSecond = report.cases / report.seconds;
say(
  `${report.cases} cases in ${report.seconds.toFixed(1)} s, ` +
    `${perSecond.toFixed(0)} cases/s, none of them wrong`,
);
for (const [outcome, count] of [...report.outcomes].sort()) {
  say(`${String(count).padStart(8)}  ${outcome}`);
}
