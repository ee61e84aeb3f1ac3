/**
 * Runs the clients one after the other and makes a table of what came out.
 *
 * @module
 */

import { say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { COMMON, Skip, Station, type Suite, type World } from "./suite.ts";

/** How one action ended. */
export interface Outcome {
  readonly action: string;
  readonly state: "ok" | "FAIL" | "skip" | "-";
  /** Why it failed, was skipped or does not exist. */
  readonly words: string;
  readonly ms: number;
}

/** A row of the matrix. */
export interface Row {
  readonly client: string;
  readonly version: string;
  readonly outcomes: readonly Outcome[];
}

/** Runs all actions of a client; a failed one does not end the others. */
export async function runSuite(suite: Suite, world: World): Promise<Row> {
  for (const program of suite.programs) {
    if (await findProgram(program) === undefined) {
      const words = `${program} is not installed ("deno task tools")`;
      const outcome = { action: "all", state: "skip", words, ms: 0 } as const;
      return { client: suite.name, version: "?", outcomes: [outcome] };
    }
  }
  const station = await Station.open(world, suite.name);
  const close = await suite.open?.(station);
  try {
    return await runActions(suite, station);
  } finally {
    await close?.();
  }
}

async function runActions(suite: Suite, station: Station): Promise<Row> {
  const version = await suite.version(station);
  await say(`\n${suite.name} ${version}`);
  const outcomes: Outcome[] = [];
  for (const [action, words] of Object.entries(suite.absent ?? {})) {
    outcomes.push({ action, state: "-", words, ms: 0 });
  }
  for (const [action, work] of Object.entries(suite.actions)) {
    const outcome = await attempt(action, () => work(station));
    outcomes.push(outcome);
    const detail = outcome.words === "" ? "" : `  ${outcome.words}`;
    await say(
      `  ${outcome.state.padEnd(4)} ${action} (${outcome.ms} ms)${detail}`,
    );
  }
  return { client: suite.name, version, outcomes };
}

async function attempt(
  action: string,
  work: () => Promise<void>,
): Promise<Outcome> {
  const start = performance.now();
  const ended = (state: Outcome["state"], words: string): Outcome => ({
    action,
    state,
    words,
    ms: Math.round(performance.now() - start),
  });
  try {
    await work();
    return ended("ok", "");
  } catch (error) {
    if (error instanceof Skip) return ended("skip", error.message);
    return ended("FAIL", error instanceof Error ? error.message : `${error}`);
  }
}

/** The table in Markdown, with the reasons below. */
export function table(rows: readonly Row[]): string {
  const lines = [
    `| client | version | ${COMMON.join(" | ")} | besides |`,
    `|---|---|${COMMON.map(() => "---|").join("")}---|`,
  ];
  const reasons: string[] = [];
  for (const { client, version, outcomes } of rows) {
    const all = outcomes.find(({ action }) => action === "all");
    const cell = (action: string) =>
      (all ?? outcomes.find((outcome) => outcome.action === action))?.state ??
        "-";
    const besides = outcomes
      .filter(({ action }) => action !== "all" && !isCommon(action))
      .map(({ action, state }) => `${action} ${state}`);
    lines.push(
      `| ${client} | ${version} | ${COMMON.map(cell).join(" | ")} | ` +
        `${besides.join(", ")} |`,
    );
    for (const { action, state, words } of outcomes) {
      if (words === "") continue;
      reasons.push(`- ${client}, ${action}: ${state}: ${words}`);
    }
  }
  return [...lines, "", ...reasons, ""].join("\n");
}

function isCommon(action: string): boolean {
  return COMMON.some((name) => name === action);
}
