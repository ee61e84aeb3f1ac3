/**
 * Drill: an older checkout is upgraded to this one with its data, and goes back
 * by a backup of before.
 *
 *   deno task drill:upgrade --from CHECKOUT
 *
 * The older program takes pushes, a member of the crew, a sign-in, a device and
 * pictures. All of that must be there and go on with the program of this
 * checkout.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { z } from "zod";
import { schemaKey } from "../../lib/kv/keys.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { SCHEMA_VERSION } from "../../lib/kv/operating/schema_version.ts";
import type { TestBrowser } from "../support/auth_app.ts";
import { fixture } from "../support/images.ts";
import type { Manifest } from "../support/oci.ts";
import { setAvatar } from "../support/profile.ts";
import { command, commandIn } from "../support/program.ts";
import { expect, Repository } from "../support/registry.ts";
import { createAccount } from "../support/sandbox.ts";
import {
  startServer,
  type TestAccount,
  type TestServer,
} from "../support/server.ts";
import { run, say } from "../tools/command.ts";
import { freePort } from "../tools/ports.ts";
import { Consumer, pullImages, pushImages } from "./drill.ts";
import { avatarBytes, connectDevice, isSignedIn, signIn } from "./people.ts";

const IMAGES = 20;

const identity = z.object({
  id: z.string(),
  verificationMethod: z.array(z.record(z.string(), z.string())),
});

const { values } = parseArgs({
  args: Deno.args,
  options: { from: { type: "string" } },
});
const { from } = values;
if (from === undefined) {
  await say("Usage: deno task drill:upgrade --from CHECKOUT");
  Deno.exit(2);
}

const folder = await Deno.makeTempDir({ prefix: "atcr-upgrade-" });
const dataDir = join(folder, "data");
const backupDir = join(folder, "backup");
const ports = [freePort(), freePort(), freePort()] as const;
const settings = { HOLD_PUBLIC: "true", HOLD_ALLOW_ALL_CREW: "false" };
const env = {
  ...settings,
  ATCR_SERVER_ADDR: `127.0.0.1:${ports[0]}`,
  ATCR_SANDBOX_PDS_PORT: String(ports[1]),
  ATCR_SANDBOX_PLC_PORT: String(ports[2]),
  ATCR_DATA_DIR: dataDir,
};
const pushed = new Map<string, Manifest>();

/** What the older program gave out and the newer one must accept. */
interface Before {
  readonly stranger: TestAccount;
  readonly browser: TestBrowser;
  readonly device: TestAccount;
  readonly avatar: number;
  readonly identity: unknown;
  readonly cursor: number;
}

try {
  const before = await runOld(from);
  await copyFolder(dataDir, backupDir);
  await upgrade(before);
  await goBack(from, before);
  await refuseNewer();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function runOld(checkout: string): Promise<Before> {
  await using program = await start(checkout);
  const { alice, bob } = program;
  await push(program, "before", IMAGES);
  const added = await commandIn(
    checkout,
    env,
    ...["hold", "crew", "add", bob.handle],
  );
  assert.equal(added.code, 0, added.errors);
  const stranger = await createAccount(program, "carol.test");
  await checkCrew(program, stranger, "before");
  await setAvatar(program, alice, fixture("jpeg/photo-256.jpg"));
  const browser = await signIn(program.origin, alice);
  const device = await connectDevice(program.origin, browser, alice);
  const avatar = await avatarBytes(program.origin, alice.handle, 96);
  const consumer = new Consumer(program.origin, 0);
  await consumer.sees("#commit");
  const cursor = Number(consumer.seen.at(-1));
  consumer.close();
  await say(
    `${checkout}: ${pushed.size} images, crew, session, device, avatar of ${avatar} bytes`,
  );
  return {
    stranger,
    browser,
    device,
    avatar,
    identity: await identityOf(program),
    cursor,
  };
}

async function upgrade(before: Before): Promise<void> {
  const migrated = await command(env, "kv", "migrate");
  assert.equal(migrated.code, 0, migrated.errors);
  const startedAt = Date.now();
  await using program = await start();
  const startMs = Date.now() - startedAt;
  const { alice } = program;
  const blobs = await pullImages(program, pushed);
  assert.deepEqual(await identityOf(program), before.identity);
  assert.ok(await isSignedIn(before.browser), "the session is gone");
  const withDevice = new Repository(program, before.device, "alice.test/app");
  expect(await withDevice.send("GET", "manifests/before0"), 200);
  await withDevice.pushImage("device");
  await checkCrew(program, before.stranger, "after");
  assert.equal(
    await avatarBytes(program.origin, alice.handle, 96),
    before.avatar,
  );
  await avatarBytes(program.origin, alice.handle, 48);
  const again = await signIn(program.origin, alice);
  await connectDevice(program.origin, again, alice);

  const consumer = new Consumer(program.origin, before.cursor);
  await push(program, "after", 5);
  await consumer.sees("#commit");
  consumer.close();
  assert.ok(!consumer.types.includes("#error"), consumer.types.join());
  const numbers = consumer.seen.filter((one) => typeof one === "number");
  assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
  assert.ok(Number(numbers[0]) > before.cursor);
  const doctor = await command(env, "doctor");
  await say(
    `upgraded: "${migrated.text.trim()}", ready after ${startMs} ms, ` +
      `${blobs} blobs pulled, session, device, crew, identity and avatar kept, ` +
      `events continued after ${before.cursor} at ${numbers[0]}\n` +
      `${doctor.text.trim()}`,
  );
}

/** The older program first on the rows of the newer one, then on the backup. */
async function goBack(checkout: string, before: Before): Promise<void> {
  try {
    await using program = await start(checkout);
    const blobs = await pullImages(program, pushed);
    await say(`the older program on the newer rows: ${blobs} blobs pulled`);
  } catch (error) {
    const [line = ""] = String(error).split("\n");
    await say(`the older program on the newer rows: ${line}`);
  }
  await Deno.remove(dataDir, { recursive: true });
  await copyFolder(backupDir, dataDir);
  await using program = await start(checkout);
  const kept = new Map(
    [...pushed].filter(([tag]) => tag.startsWith("before")),
  );
  const blobs = await pullImages(program, kept);
  assert.ok(await isSignedIn(before.browser), "the session is gone");
  assert.deepEqual(await identityOf(program), before.identity);
  await push(program, "back", 1);
  await say(
    `back: ${kept.size} images and ${blobs} blobs pulled, pushes go on`,
  );
}

/** This program on rows that a future one has written. */
async function refuseNewer(): Promise<void> {
  const kv = await openKv(join(dataDir, "kv.sqlite3"));
  await kv.set(schemaKey, { version: SCHEMA_VERSION + 1, since: Date.now() });
  kv.close();
  for (const args of [["kv", "migrate"], ["serve"]]) {
    const { code, text, errors } = await command(env, ...args);
    assert.equal(code, 1);
    assert.match(text + errors, /was written by a newer version/);
  }
  await say("newer rows: refused by the start and by kv migrate");
}

function start(checkout?: string): Promise<TestServer> {
  const place = { ports, dataDir, env: settings };
  return startServer(checkout === undefined ? place : { ...place, checkout });
}

async function push(
  program: TestServer,
  name: string,
  count: number,
): Promise<void> {
  for (
    const [tag, image] of await pushImages(program, name, count)
  ) pushed.set(tag, image);
}

/** A member pushes to the hold and an account that is no member cannot. */
async function checkCrew(
  program: TestServer,
  stranger: TestAccount,
  tag: string,
): Promise<void> {
  const repository = (account: TestAccount) =>
    new Repository(program, account, `${account.handle}/app`);
  await repository(program.bob).pushImage(tag);
  const refused = await repository(stranger).send("POST", "blobs/uploads/");
  assert.equal(refused.status, 403);
}

/** DID and signing key of the hold; newer programs may add services. */
async function identityOf({ origin }: TestServer): Promise<unknown> {
  const answer = await fetch(new URL("/.well-known/did.json", origin));
  assert.equal(answer.status, 200);
  return identity.parse(await answer.json());
}

async function copyFolder(source: string, target: string): Promise<void> {
  await run("cp", ["-a", source, target]);
}
