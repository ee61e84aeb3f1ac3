/**
 * Lets owners push, pull and delete at three instances while processes are
 * killed and paused, clocks jump, the PDS fails, the disk fills up and slow
 * clients hold connections; then checks that nothing acknowledged is lost,
 * nothing deleted comes back, and everything works again.
 *
 *   deno task chaos                      ten minutes
 *   deno task chaos --minutes 60 --seed 7
 *
 * Prints what happened and ends with a line `N checks, N wrong`; the exit code
 * is 1 when a check was wrong. `--keep FOLDER` keeps what every owner did and
 * everything that the instances logged. The seed repeats the order of decisions, not
 * their timing.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { verifyCalm } from "./calm.ts";
import { runFaults } from "./faults.ts";
import { judgeLog } from "./logs.ts";
import { Owner } from "./owner.ts";
import { Random } from "./random.ts";
import { runSlowClients } from "./slow_clients.ts";
import { Tally } from "./tally.ts";
import { startWorld } from "./world.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    instances: { type: "string", default: "3" },
    owners: { type: "string", default: "5" },
    "slow-clients": { type: "string", default: "40" },
    keep: { type: "string" },
  },
});
/** Between two calms. */
const STORM_MS = 75_000;

const say = (text: string) =>
  Deno.stdout.writeSync(new TextEncoder().encode(`${text}\n`));
const random = new Random(Number(values.seed));
const keep = (name: string, text: string) => {
  if (values.keep === undefined) return;
  Deno.mkdirSync(values.keep, { recursive: true });
  Deno.writeTextFileSync(`${values.keep}/${name}.log`, text, { append: true });
};
const tally = new Tally((line) => keep("history", `${line}\n`));
const end = Date.now() + Number(values.minutes) * 60_000;
// The rest of the run is left out, but the processes and the disk go.
const stop = new AbortController();
Deno.addSignalListener("SIGINT", () => stop.abort());
say(`seed ${values.seed}, ${values.minutes} minutes`);

{
  await using world = await startWorld({
    instances: Number(values.instances),
    owners: Number(values.owners),
    random,
  });
  if (!world.setDiskFull) say("no disk can be mounted here: it never fills up");
  const owners = world.accounts.map((account) =>
    new Owner(account, world.instances, random.fork(), tally)
  );
  for (let storm = 1; Date.now() < end; storm++) {
    const over = new AbortController();
    const finish = () => over.abort();
    const timer = setTimeout(
      finish,
      Math.min(STORM_MS, Math.max(1_000, end - Date.now())),
    );
    stop.signal.addEventListener("abort", finish);
    await Promise.all([
      runFaults(world, random.fork(), tally, over.signal),
      runSlowClients(
        world.instances,
        Number(values["slow-clients"]),
        random.fork(),
        tally,
        over.signal,
      ),
      ...owners.map(async (owner) => {
        while (!over.signal.aborted) await owner.act();
      }),
    ]);
    clearTimeout(timer);
    if (stop.signal.aborted) break;
    await verifyCalm(world, owners, random.fork(), tally, Date.now() >= end);
    for (const instance of world.instances) {
      const log = instance.takeLog();
      keep(instance.name.replace(" ", "-"), log);
      judgeLog(log, instance.name, tally);
    }
    say(`storm ${storm}: ${tally.checks} checks, ${tally.wrongCount} wrong`);
  }
  say(tally.report());
}
say(`${tally.checks} checks, ${tally.wrongCount} wrong`);
Deno.exit(tally.wrongCount > 0 ? 1 : 0);
