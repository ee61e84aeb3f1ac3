/**
 * What goes wrong: one fault at a time, each ended before the next begins, so
 * that a report can say what was going on.
 *
 * @module
 */

import { command } from "../support/program.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import { BAD_WEATHER } from "./weather.ts";
import type { World } from "./world.ts";

const MINUTE_MS = 60_000;
const CLOCK_JUMPS_MS = [
  ...[-2 * 60, -10, -1, 1, 10, 2 * 60].map((minutes) => minutes * MINUTE_MS),
];

/** Something that goes wrong and is put right again. */
type Fault = (world: World, random: Random, tally: Tally) => Promise<void>;

const FAULTS: Readonly<Record<string, Fault>> = {
  "kill -9": async ({ instances }, random) => {
    const instance = random.pick(instances);
    await instance.stop("SIGKILL");
    await sleep(random.below(3_000));
    await instance.start();
  },
  "kill -9 of all": async ({ instances }) => {
    await Promise.all(instances.map((instance) => instance.stop("SIGKILL")));
    for (const instance of instances) await instance.start();
  },
  "orderly restart": async ({ instances }, random) => {
    const instance = random.pick(instances);
    await instance.stop("SIGTERM");
    await instance.start();
  },
  "paused process": async ({ instances }, random) => {
    const { program } = random.pick(instances);
    if (!program || program.ended()) return;
    Deno.kill(program.pid, "SIGSTOP");
    await sleep(1_000 + random.below(20_000));
    Deno.kill(program.pid, "SIGCONT");
  },
  "clock jump": async ({ instances }, random) => {
    const instance = random.pick(instances);
    await instance.setClock(random.pick(CLOCK_JUMPS_MS));
    await sleep(3_000 + random.below(10_000));
    await instance.setClock(0);
  },
  "clock jump and kill": async ({ instances }, random) => {
    const instance = random.pick(instances);
    await instance.setClock(random.pick(CLOCK_JUMPS_MS));
    await sleep(3_000);
    await instance.stop("SIGKILL");
    await instance.setClock(0);
    await instance.start();
  },
  "bad weather at the PDS": async ({ weather }, random) => {
    weather.set(random.pick(BAD_WEATHER));
    await sleep(2_000 + random.below(20_000));
    weather.set("fine");
  },
  "kill -9 in bad weather": async ({ instances, weather }, random) => {
    weather.set(random.pick(BAD_WEATHER));
    const instance = random.pick(instances);
    await sleep(random.below(3_000));
    await instance.stop("SIGKILL");
    await instance.start();
    weather.set("fine");
  },
  "full disk": async ({ setDiskFull }, random) => {
    if (!setDiskFull) return;
    await setDiskFull(true);
    await sleep(2_000 + random.below(8_000));
    await setDiskFull(false);
  },
  "garbage collection": async ({ env }, _random, tally) => {
    const { code, text, errors } = await command(env, "hold", "gc");
    tally.check(
      "garbage collection ends well",
      code === 0,
      () => `${text}${errors}`,
    );
  },
};

/** Lets faults happen until `signal` is aborted; each has ended when this resolves. */
export async function runFaults(
  world: World,
  random: Random,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const names = Object.keys(FAULTS);
  while (!signal.aborted) {
    await sleep(random.below(4_000));
    if (signal.aborted) return;
    const name = random.pick(names);
    if (name === "full disk" && !world.setDiskFull) continue;
    tally.note(`fault ${name} begins`);
    await FAULTS[name]?.(world, random, tally);
    await restartEnded(world, tally);
    tally.note(`fault ${name} has ended`);
    tally.count(`fault: ${name}`);
  }
}

/** Starts processes again that ended by themselves, which none should. */
async function restartEnded(
  { instances }: World,
  tally: Tally,
): Promise<void> {
  for (const instance of instances) {
    if (!instance.program?.ended()) continue;
    const log = instance.program.log();
    tally.check("no process ends by itself", false, () => log.slice(-2_000));
    await instance.stop("SIGKILL");
    await instance.start();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
