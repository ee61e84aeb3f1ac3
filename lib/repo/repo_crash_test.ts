import assert from "node:assert/strict";
import { join } from "node:path";
import { allEvents, openTestRepo, TEST_DID } from "../../tests/support/repo.ts";
import { SyncVerifier } from "../../tests/support/sync_verifier.ts";
import { openKv } from "../kv/open_kv.ts";

const WRITER = new URL("../../tests/support/repo_writer.ts", import.meta.url);
const ROUNDS = 3;
/** Acknowledged commits after which a writer is killed. */
const COMMITS = 60;

/** Runs a writer starting at commit `first`, kills it, and returns what it acknowledged. */
async function writeAndKill(path: string, first: number): Promise<string[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", WRITER.pathname, path, `${first}`],
    stdout: "piped",
  }).spawn();
  let text = "";
  let killed = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (!killed && text.split("\n").length > COMMITS) {
      child.kill("SIGKILL");
      killed = true;
    }
  }
  const { signal } = await child.status;
  assert.equal(signal, "SIGKILL");
  // The kill may have truncated the last line.
  return text.split("\n").slice(0, -1);
}

Deno.test("kill -9 loses no acknowledged commit and leaves no partial one", async () => {
  const folder = await Deno.makeTempDir();
  const path = join(folder, "kv");
  const revs = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    const lines = await writeAndKill(path, round * 1_000_000);
    assert.ok(lines.length >= COMMITS);
    for (const line of lines) {
      const [n = "", rev = ""] = line.split(" ");
      revs.set(n, rev);
    }
  }
  const { repo, kv, signer } = await openTestRepo({ kv: await openKv(path) });
  const verifier = new SyncVerifier(TEST_DID, signer.didKey);
  const seen = new Set<string | null>();
  for (const { frame } of await allEvents(repo)) {
    await verifier.take(frame);
    seen.add(verifier.rev);
  }
  for (const [n, rev] of revs) assert.ok(seen.has(rev), `commit ${n} is lost`);
  // One commit of each round may have been stored but not acknowledged.
  assert.ok(verifier.commits <= 1 + revs.size + ROUNDS);
  const car = await new Response(await repo.car.export()).bytes();
  await verifier.assertExport(car);
  kv.close();
  await Deno.remove(folder, { recursive: true });
});
