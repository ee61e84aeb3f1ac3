/**
 * What instances log while things go wrong. A request that fails because a
 * disk is full or the PDS is away is expected; an error that nobody has
 * foreseen, or content that is damaged, is not.
 *
 * @module
 */

import { z } from "zod";
import type { Tally } from "./tally.ts";

/** An error line; other lines do not fit. */
const errorLine = z.object({
  level: z.literal("error"),
  msg: z.string(),
  code: z.string().optional(),
});

/** Messages that no fault of a run explains. */
const UNEXPECTED: ReadonlySet<string> = new Set([
  "stored blob is damaged and hidden until it is pushed again",
  "stored manifest is damaged and forgotten",
  "stored picture is damaged and removed",
  "blob of the repo is damaged and hidden",
  "response cut, its length is not the announced one",
  "a job was given up",
  "post not made",
]);

/** Counts error lines of a log by their message, and checks that each of them can be explained. */
export function judgeLog(text: string, instance: string, tally: Tally): void {
  for (const line of text.split("\n")) {
    if (!line.includes('"level":"error"')) {
      // What a process prints that ends by an error of its own.
      const isCrash = /^error:|panicked/.test(line);
      if (isCrash) unexpected(line);
      continue;
    }
    const error = errorLine.safeParse(parse(line)).data;
    if (!error) continue;
    const { msg, code = "" } = error;
    tally.count(`logged: ${msg} ${code}`.trimEnd());
    if (code === "INTERNAL" || UNEXPECTED.has(msg)) unexpected(line);
    else tally.check("errors in the log", true, () => "");
  }

  function unexpected(line: string): void {
    tally.check("errors in the log", false, () => `${instance}: ${line}`);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // a process was killed while it wrote
  }
}
