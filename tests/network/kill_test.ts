/** Instances that are killed at any moment lose nothing of the network. */

import assert from "node:assert/strict";
import { systemClock } from "../../lib/clock.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { Follower } from "../support/follower.ts";
import { PdsAccount } from "../support/pds.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

const STAR = "io.atcr.sailor.star";
const KILLS = 10;
const LONGEST_LIFE_MS = 6_000;
const PROGRAM = new URL("follow.ts", import.meta.url).pathname;

Deno.test("after ten kills at random moments the index is what the repos are", async () => {
  await using sandbox = await startTestSandbox();
  const folder = await Deno.makeTempDir({ prefix: "atcr-kill-" });
  const path = `${folder}/kv.sqlite3`;
  const accounts = [sandbox.alice, sandbox.bob]
    .map((account) => new PdsAccount(sandbox.pds, account));
  const written = new AbortController();
  const writing = (async () => {
    for (let i = 0; !written.signal.aborted; i++) {
      const account = accounts[i % 2] ?? assert.fail();
      const rkey = `s${Math.floor(Math.random() * 50)}`;
      const subject =
        `at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/io.atcr.repo.page/r${i}`;
      const createdAt = "2026-01-01T00:00:00.000Z";
      if (Math.random() < 0.3) await account.delete(STAR, rkey);
      else await account.put(STAR, rkey, { subject, createdAt });
    }
  })();
  for (let i = 0; i < KILLS; i++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        PROGRAM,
        path,
        sandbox.pds,
        sandbox.plc,
        sandbox.relay,
      ],
    }).spawn();
    await systemClock.sleep(Math.random() * LONGEST_LIFE_MS);
    child.kill("SIGKILL");
    await child.status;
  }
  written.abort();
  await writing;
  const wanted: string[] = [];
  for (const account of accounts) {
    for (const { uri, cid } of await account.records(STAR)) {
      wanted.push(`${uri.slice("at://".length)} ${cid}`);
    }
  }
  const kv = await openKv(path);
  try {
    await using follower = new Follower(sandbox, kv, systemClock).start();
    const seen = async () =>
      [...await follower.records()].map(([path, cid]) => `${path} ${cid}`)
        .toSorted().join("\n");
    await until(
      async () => await seen() === wanted.toSorted().join("\n"),
      seen,
    );
  } finally {
    kv.close();
    await Deno.remove(folder, { recursive: true });
  }
});
