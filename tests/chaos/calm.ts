/**
 * Invariants that must hold when everything works again.
 *
 * @module
 */

import { readCarWithRoot, verifyRepo } from "@atproto/repo";
import { z } from "zod";
import type { Owner } from "./owner.ts";
import { settle, verify } from "./owner_calm.ts";
import type { Random } from "./random.ts";
import type { Tally } from "./tally.ts";
import type { Instance, World } from "./world.ts";

/** The longest time until every instance is ready after the last fault. */
const READY_MS = 45_000;
/** The longest time until jobs have brought the PDS in line. */
const SETTLE_MS = 90_000;
const MAX_RSS = 700 * 1024 ** 2;
const MAX_DESCRIPTORS = 500;
/** Images of each owner that are read whole; the last ones. */
const SAMPLE = 25;

const records = z.object({
  cursor: z.string().optional(),
  records: z.array(z.object({
    value: z.object({ repository: z.string(), tag: z.string() }),
  })),
});

/** Checks everything at every instance; all images when `isLast`, some of them otherwise. */
export async function verifyCalm(
  world: World,
  owners: readonly Owner[],
  random: Random,
  tally: Tally,
  isLast: boolean,
): Promise<void> {
  for (const instance of world.instances) await verifyReady(instance, tally);
  // Requests that a paused process still carries out have ended by then.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const ofAll = (work: (owner: Owner) => Promise<void>, name: string) =>
    Promise.all(
      owners.map((owner) =>
        work(owner).catch((error) =>
          tally.check(
            "an instance answers in a calm",
            false,
            () => `${name}: ${error}`,
          )
        )
      ),
    );
  for (const instance of world.instances.slice(0, 1)) {
    await ofAll(
      (owner) => settle(owner, instance, random, tally),
      instance.name,
    );
  }
  for (const instance of world.instances) {
    const sample = isLast ? Infinity : SAMPLE;
    await ofAll(
      (owner) => verify(owner, instance, sample, tally),
      instance.name,
    );
    await verifyProcess(instance, tally);
  }
  await Promise.all(owners.map((owner) => verifyRecords(world, owner, tally)));
  await verifyHold(world, tally);
}

async function verifyReady(instance: Instance, tally: Tally): Promise<void> {
  const end = Date.now() + READY_MS;
  let words = "";
  while (Date.now() < end) {
    try {
      const response = await fetch(`${instance.origin}/readyz`, {
        signal: AbortSignal.timeout(5_000),
      });
      words = `${response.status} ${await response.text()}`;
      if (response.ok) return tally.check("ready", true, () => "");
    } catch (error) {
      words = String(error);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  tally.check("ready", false, () => `${instance.name}: ${words}`);
}

/** Memory and descriptors of the process are bounded. */
async function verifyProcess(instance: Instance, tally: Tally): Promise<void> {
  const pid = instance.program?.pid;
  if (pid === undefined || Deno.build.os !== "linux") return;
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const rss = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
  tally.check(
    "memory",
    rss < MAX_RSS,
    () => `${instance.name}: ${Math.round(rss / 2 ** 20)} MiB`,
  );
  let open = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) open++;
  tally.check(
    "descriptors",
    open < MAX_DESCRIPTORS,
    () => `${instance.name}: ${open} open`,
  );
}

/** The owner's repo says the same as the registry, after jobs have run. */
async function verifyRecords(
  world: World,
  owner: Owner,
  tally: Tally,
): Promise<void> {
  const wanted = [...owner.memory.certain()]
    .flatMap(([tag, state]) => state === undefined ? [] : [tag]).sort();
  const end = Date.now() + SETTLE_MS;
  let seen: string[] = [];
  do {
    seen = (await tagsAtPds(world.pds, owner.did)).sort();
    if (seen.join() === wanted.join()) {
      return tally.check("records at the PDS", true, () => "");
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  } while (Date.now() < end);
  tally.check(
    "records at the PDS",
    false,
    () =>
      `${owner.did}: ${seen.filter((tag) => !wanted.includes(tag))} too many, ${
        wanted.filter((tag) => !seen.includes(tag))
      } missing`,
  );
}

async function tagsAtPds(pds: string, did: string): Promise<string[]> {
  const tags: string[] = [];
  let cursor: string | undefined;
  do {
    const query = new URLSearchParams({
      repo: did,
      collection: "io.atcr.tag",
      limit: "100",
      ...(cursor === undefined ? {} : { cursor }),
    });
    const response = await fetch(
      `${pds}/xrpc/com.atproto.repo.listRecords?${query}`,
    );
    const page = records.parse(await response.json());
    tags.push(...page.records.map(({ value }) => value.tag));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return tags;
}

/** The hold's repo is whole: every block of its tree is there and signed. */
async function verifyHold(world: World, tally: Tally): Promise<void> {
  const [instance] = world.instances;
  const query = new URLSearchParams({ did: world.hold });
  const response = await fetch(
    `${instance?.origin}/xrpc/com.atproto.sync.getRepo?${query}`,
  );
  const bytes = new Uint8Array(await response.arrayBuffer());
  try {
    const { root, blocks } = await readCarWithRoot(bytes);
    await verifyRepo(blocks, root, world.hold);
    tally.check("the hold's repo", true, () => "");
  } catch (error) {
    tally.check("the hold's repo", false, () => `${response.status} ${error}`);
  }
}
