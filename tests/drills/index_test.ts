/**
 * Drill: two instances follow a network in which other programs write. Their
 * public API shows each change within five seconds, also after a time away, and
 * nothing is lost when the instance that listens is killed. Handles below `.test`
 * lead nowhere for a program outside the sandbox; `tests/http/follow_network_test.ts`
 * changes them.
 */

import assert from "node:assert/strict";
import { holdDid } from "../support/hold.ts";
import { asOwner, PdsAccount } from "../support/pds.ts";
import { createAccount, deleteAccount } from "../support/sandbox.ts";
import { until } from "../support/until.ts";
import { say } from "../tools/command.ts";
import { sleep } from "../tools/server.ts";
import { type Listeners, startListeners } from "./listeners.ts";

const AWAY_SECONDS = Number(Deno.env.get("DRILL_SECONDS") ?? "600");
const LIMIT_MS = 5_000;
const HOURS_AWAY = 40;
const KILLS = 10;
const LONGEST_LIFE_MS = 6_000;
const DIGEST = "a".repeat(64);
const PROFILE = "io.atcr.sailor.profile";
const STAR = "io.atcr.sailor.star";
const TAG = "io.atcr.tag";

Deno.test({
  name: "what others write arrives within seconds, whatever happens",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: drill,
});

async function drill(): Promise<void> {
  await using listeners = await startListeners();
  await live(listeners);
  await away(listeners, AWAY_SECONDS, 0);
  await away(listeners, 0, HOURS_AWAY);
  await kills(listeners);
}

/** A tag by another program, in a repository of its owner. */
async function tag(account: PdsAccount, did: string, name: string) {
  await account.put(TAG, `app_${name}`, {
    repository: "app",
    tag: name,
    manifest: `at://${did}/io.atcr.manifest/${DIGEST}`,
    updatedAt: new Date().toISOString(),
  });
}

/** The manifest that the tags name; its bytes are not there. */
async function manifest(account: PdsAccount, hold: string) {
  await account.put("io.atcr.manifest", DIGEST, {
    repository: "app",
    digest: `sha256:${DIGEST}`,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    schemaVersion: 2,
    holdDid: hold,
    createdAt: new Date().toISOString(),
  });
}

/** Waits until all instances show it, and returns after how many milliseconds. */
async function shown(
  listeners: Listeners,
  path: string,
  isRight: (answer: string) => boolean,
): Promise<number> {
  const began = performance.now();
  let last = "";
  await until(async () => {
    for (const { origin } of listeners.instances) {
      last = await (await fetch(`${origin}/api/v1/${path}`)).text();
      if (!isRight(last)) return false;
    }
    return true;
  }, () => last);
  return Math.round(performance.now() - began);
}

async function live(listeners: Listeners): Promise<void> {
  const { sandbox, instances: [first] } = listeners;
  const carol = await createAccount(sandbox, "carol.test");
  const took: Record<string, number> = {};
  const owner = new PdsAccount(sandbox.pds, carol);
  const hold = holdDid(first?.origin ?? "");
  const createdAt = new Date().toISOString();
  await owner.put(PROFILE, "self", { defaultHold: hold, createdAt });
  await manifest(owner, hold);
  await tag(owner, carol.did, "v1");
  const tags = `tags?repository=${carol.did}/app`;
  took.tag = await shown(listeners, tags, (text) => text.includes('"v1"'));
  took.search = await shown(
    listeners,
    "search?q=app",
    (text) => text.includes(carol.did),
  );
  await new PdsAccount(sandbox.pds, sandbox.bob).put(STAR, "carol-app", {
    subject: `at://${carol.did}/io.atcr.repo.page/app`,
    createdAt,
  });
  took.star = await shown(
    listeners,
    `stars?repository=${carol.did}/app`,
    (text) => text.includes(sandbox.bob.did),
  );
  const actor = `actors/${carol.did}`;
  const own = (method: string, body?: Record<string, unknown>) =>
    asOwner(sandbox.pds, carol, method, body);
  await own("com.atproto.server.deactivateAccount", {});
  took.deactivation = await shown(
    listeners,
    actor,
    (text) => text.includes('"deactivated"'),
  );
  await own("com.atproto.server.activateAccount");
  took.activation = await shown(
    listeners,
    tags,
    (text) => text.includes('"v1"'),
  );
  await deleteAccount(sandbox, carol.did);
  took.deletion = await shown(
    listeners,
    tags,
    (text) => !text.includes('"v1"'),
  );
  await say(
    `milliseconds until both instances show it: ${JSON.stringify(took)}`,
  );
  for (const [what, ms] of Object.entries(took)) {
    assert.ok(ms < LIMIT_MS, `${what}: ${ms} ms`);
  }
}

/** Both instances are away, `seconds` by all clocks and then `hours` by theirs. */
async function away(
  listeners: Listeners,
  seconds: number,
  hours: number,
): Promise<void> {
  const { sandbox } = listeners;
  const { did } = sandbox.alice;
  const alice = new PdsAccount(sandbox.pds, sandbox.alice);
  await manifest(alice, holdDid(listeners.instances[0]?.origin ?? ""));
  await tag(alice, did, `before-${hours}`);
  const tags = `tags?repository=${did}/app`;
  await shown(listeners, tags, (text) => text.includes(`"before-${hours}"`));
  await listeners.stop();
  await alice.delete(TAG, `app_before-${hours}`);
  await tag(alice, did, `after-${hours}`);
  await sleep(seconds * 1000);
  await listeners.start({ hoursAhead: hours });
  const ms = await shown(
    listeners,
    tags,
    (text) =>
      text.includes(`"after-${hours}"`) && !text.includes(`"before-${hours}"`),
  );
  const time = hours > 0 ? `${hours} h` : `${seconds} s`;
  await say(`after ${time} away: all is shown ${ms} ms after the start`);
  assert.ok(ms < LIMIT_MS, `${ms} ms`);
}

/** The first instance is killed at random moments, and the second one listens meanwhile. */
async function kills(listeners: Listeners): Promise<void> {
  const { sandbox } = listeners;
  const { did } = sandbox.alice;
  const alice = new PdsAccount(sandbox.pds, sandbox.alice);
  const written = new AbortController();
  let writes = 0;
  const writing = (async () => {
    for (; !written.signal.aborted; writes++) {
      const name = `t${Math.floor(Math.random() * 40)}`;
      if (Math.random() < 0.3) await alice.delete(TAG, `app_${name}`);
      else await tag(alice, did, name);
    }
  })();
  for (let i = 0; i < KILLS; i++) {
    await sleep(Math.random() * LONGEST_LIFE_MS);
    await listeners.kill(i % 2);
  }
  written.abort();
  await writing;
  const wanted = (await alice.records(TAG))
    .map(({ value }) => String(value.tag)).toSorted().join();
  const ms = await shown(
    listeners,
    `tags?repository=${did}/app&limit=100`,
    (text) => tagsOf(text) === wanted,
  );
  await say(`after ${KILLS} kills, ${writes} writes: right after ${ms} ms`);
}

function tagsOf(text: string): string {
  const { items = [] }: { items?: { tag: string }[] } = JSON.parse(text);
  return items.map(({ tag }) => tag).toSorted().join();
}
