/**
 * Counts the source of this checkout, or of another beside it:
 *
 *   deno task house                  this checkout, with what is over a limit
 *   deno task house --at DIR         another checkout
 *   deno task house --than DIR       both, and which numbers are worse here
 *   deno task house --words          words that CONTRIBUTING.md advises against
 *
 * @module
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkout } from "./checkout.ts";
import { type Counts, countsOf } from "./counts.ts";
import {
  alwaysWrong,
  patternsOf,
  wordsInCode,
  wordsInPages,
  wordsInSource,
} from "./words.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

/** Numbers that must not grow. Counts of files and functions may. */
const LESS_IS_BETTER =
  /^production: (median|p90|longest)|^functions (over|with)|used only by tests|used by nothing|^folders|without documentation/;

const { values } = parseArgs({
  args: Deno.args,
  options: {
    at: { type: "string" },
    than: { type: "string" },
    words: { type: "boolean" },
  },
});

const root = values.at ?? ROOT;
const files = await checkout(root);
const here = countsOf(files);
if (values.words) {
  await printWords();
} else if (values.than === undefined) {
  print(table(here));
  for (const [name, list] of Object.entries(here.lists)) {
    print(`\n${name}:\n${list.map((line) => `  ${line}`).join("\n")}`);
  }
} else {
  const before = countsOf(await checkout(values.than));
  print(table(here, before));
  const worse = Object.entries(here.numbers).filter(([name, count]) =>
    LESS_IS_BETTER.test(name) && count > (before.numbers[name] ?? 0)
  );
  print(`\nworse: ${worse.map(([name]) => name).join(", ") || "nothing"}`);
  if (worse.length > 0) Deno.exitCode = 1;
}

/** Words to avoid, by file. */
async function printWords(): Promise<void> {
  const contributing = await Deno.readTextFile(join(ROOT, "CONTRIBUTING.md"));
  const patterns = patternsOf(contributing);
  const found = [
    ...await wordsInPages(root, patterns),
    ...wordsInCode(files, patterns),
    ...wordsInSource(files, alwaysWrong(contributing, patterns)),
  ];
  for (const { path, line, word, context } of found) {
    print(`${path}:${line}: "${word}" in: ${context}`);
  }
  print(`\n${found.length} places`);
  if (found.length > 0) Deno.exitCode = 1;
}

/** The numbers as a Markdown table, with those of another checkout in front. */
function table({ numbers }: Counts, before?: Counts): string {
  const rows = Object.entries(numbers).map(([name, count]) =>
    [name, ...before ? [before.numbers[name] ?? 0] : [], count].join(" | ")
  );
  const head = before
    ? "count | before | now\n--- | ---: | ---:"
    : "count | now\n--- | ---:";
  return `${head}\n${rows.join("\n")}`;
}

function print(text: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
}
