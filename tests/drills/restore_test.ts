/**
 * Drill: everything but a backup is lost. Restore it into nothing, pull every
 * image, and follow the firehose with the cursor of a relay that has seen more
 * than the backup has.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { hasPostgres, startPostgres } from "../support/postgres.ts";
import { command } from "../support/program.ts";
import { startServer } from "../support/server.ts";
import { say } from "../tools/command.ts";
import { commandEnv, Consumer, pullImages, pushImages } from "./drill.ts";
import { until } from "../support/until.ts";

const IMAGES = Number(Deno.env.get("DRILL_IMAGES") ?? "20");

for (const kind of ["a file", "PostgreSQL"]) {
  Deno.test({
    name: `restore into nothing, with the key-value store in ${kind}`,
    ignore: kind === "PostgreSQL" && !hasPostgres,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () => drill(kind === "PostgreSQL"),
  });
}

async function drill(onPostgres: boolean): Promise<void> {
  await using database = onPostgres ? await startPostgres() : undefined;
  const folder = await Deno.makeTempDir({ prefix: "atcr-drill-" });
  const [oldDir, newDir] = ["old", "new"].map((name) => join(folder, name));
  assert.ok(oldDir && newDir);
  const settings = async () => ({
    ATCR_BACKUP_ROOT_DIR: join(folder, "backups"),
    ATCR_BACKUP_PASSPHRASE: "a passphrase for drills",
    ...(database ? { DATABASE_URL: await database.database() } : {}),
  });
  const oldEnv = await settings();
  const lost = await startServer({ dataDir: oldDir, env: oldEnv });
  const images = await pushImages(lost, "kept", IMAGES);
  const pushing = pushImages(lost, "meanwhile", 5);
  const backupStart = Date.now();
  const beside = commandEnv(lost, oldDir, oldEnv);
  const backup = await command(beside, "backup");
  const backupMs = Date.now() - backupStart;
  assert.equal(backup.code, 0, backup.errors);
  await pushing;
  const again = await command(beside, "backup");
  assert.match(again.text, /\b[1-9]\d* were there/);
  const [id] = (await command(beside, "backup list")).text.split("\n");
  await pushImages(lost, "gone", 2);
  const relay = new Consumer(lost.origin, 0);
  await relay.sees("#commit");
  await until(async () => {
    const before = relay.seen.length;
    await pushImages(lost, "late", 1);
    await until(() => relay.seen.length > before);
    return relay.seen.length > IMAGES;
  });
  const cursor = Number(relay.seen.at(-1));
  relay.close();
  // All is lost but the accounts of the network.
  await lost.stop("SIGKILL");
  await Deno.mkdir(newDir);
  await Deno.rename(join(oldDir, "sandbox"), join(newDir, "sandbox"));
  await Deno.remove(oldDir, { recursive: true });

  const newEnv = await settings();
  const env = commandEnv(lost, newDir, newEnv);
  const wrong = await command({
    ...env,
    ATCR_SECRET_KEY: btoa("another key of thirty-two bytes!"),
  }, "restore");
  assert.equal(wrong.code, 1);
  assert.match(wrong.text + wrong.errors, /another secret_key/);
  const restoreStart = Date.now();
  const restored = await command(env, "restore", id ?? "");
  const restoreMs = Date.now() - restoreStart;
  assert.equal(restored.code, 0, restored.text + restored.errors);

  const { ports } = lost;
  await using program = await startServer({
    ports,
    dataDir: newDir,
    env: newEnv,
  });
  const blobs = await pullImages(program, images);
  const consumer = new Consumer(program.origin, cursor);
  await consumer.sees("#sync");
  assert.equal(consumer.seen[0], "OutdatedCursor");
  assert.ok(!consumer.types.includes("#error"));
  await pushImages(program, "new", 1);
  await consumer.sees("#commit");
  consumer.close();
  const doctor = await command(env, "doctor");
  await say(
    `${onPostgres ? "PostgreSQL" : "file"}: backup ${backupMs} ms, restore ` +
      `${restoreMs} ms; ${images.size} images and ${blobs} blobs pulled; ` +
      `cursor ${cursor} continued at ${
        consumer.seen.slice(0, 4).join(", ")
      }\n${backup.text}${restored.text}${doctor.text}`,
  );
  await program.stop();
  await Deno.remove(folder, { recursive: true });
}
