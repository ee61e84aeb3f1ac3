/** People, stars, pages and counts in a running program, with a real PDS and its events. */

import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { type InProcess, startInProcess } from "../hold/in_process.ts";
import { imageManifest, randomBlob, textBlob } from "../support/oci.ts";

import { PdsAccount } from "../support/pds.ts";
import { Repository } from "../support/registry.ts";
import type { TestAccount } from "../support/server.ts";
import { until } from "../support/until.ts";

const STAR = "io.atcr.sailor.star";
const PAGE = "io.atcr.repo.page";
const anybody = () => Promise.resolve(true);

/** The social part of the program, which runs with a registry. */
function socialOf({ ctx }: InProcess) {
  assert.ok(ctx.social);
  return ctx.social;
}

const refOf = (account: TestAccount, repo: string) => ({
  did: account.did as Did,
  repo,
});

/** Follows the network until it is disposed of. */
function follow({ ctx }: InProcess): AsyncDisposable {
  const stop = new AbortController();
  const running = ctx.streams.run(stop.signal);
  ctx.jobs.start();
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.all([running, ctx.jobs.stop()]);
    },
  };
}

Deno.test("a push is activity at once, fills the page by its labels, and pulls of it are counted once", async () => {
  await using server = await startInProcess(new MemoryBlobStore());
  const { ctx, alice } = server;
  const { counts, people } = socialOf(server);
  const repository = new Repository(server, alice, `${alice.handle}/app`);
  const config = textBlob(JSON.stringify({
    config: {
      Labels: { "org.opencontainers.image.description": "A small tool." },
    },
  }));
  const layer = randomBlob(1_000);
  await repository.pushBlob(config);
  await repository.pushBlob(layer);
  const image = imageManifest(config, [layer]);
  await repository.putManifest(image, "v1");
  const { items } = await counts.activities.all({}, anybody);
  assert.deepEqual(
    items.map((one) => one.kind === "push" && [one.repo, one.tag, one.digest]),
    [["app", "v1", image.digest]],
  );
  assert.deepEqual(
    (await counts.activities.all({}, () => Promise.resolve(false))).items,
    [],
  );
  await ctx.jobs.runDue();
  server.advance(11_000);
  await ctx.jobs.runDue();
  const pds = new PdsAccount(server.pds, alice);
  const record = await pds.record(PAGE, "app");
  assert.equal(record?.value["description"], "A small tool.");
  const identity = await ctx.identities.resolve(alice.did);
  const page = await people.pages.get(identity, "app");
  assert.equal(page?.line, "A small tool.");
  // A pull as docker makes it, a look at the tag alone, and a signature.
  await repository.send("HEAD", "manifests/v1");
  await repository.send("GET", `manifests/${image.digest}`);
  await repository.send("HEAD", "manifests/v1");
  const signature = `sha256-${"a".repeat(64)}.sig`;
  await repository.putManifest(image, signature);
  await repository.send("GET", `manifests/${signature}`);
  await counts.counter.flush();
  const ref = refOf(alice, "app");
  assert.deepEqual(await counts.pulls.totals([ref]), [1]);
  await counts.refresh(new AbortController().signal);
  const board = await counts.boards.get("pulls", "7d", anybody);
  assert.deepEqual(board.entries, [{ ...ref, value: 1 }]);
  const card = await ctx.index?.cards.card(ref.did, ref.repo, anybody);
  assert.equal(card?.pulls, 1);
  assert.equal(card.page?.line, "A small tool.");
});

Deno.test("a star is a record in the PDS, counts once with its event, and those of other applications arrive", async () => {
  await using server = await startInProcess(new MemoryBlobStore());
  const { ctx, alice, bob } = server;
  const { people } = socialOf(server);
  await using _ = follow(server);
  const ref = refOf(alice, "app");
  const count = async () => (await people.starIndex.counts([ref]))[0];
  // Signs bob in.
  await new Repository(server, bob, `${bob.handle}/x`).token();
  const session = await ctx.auth.session(bob.did as Did);
  assert.ok(session);
  const identity = await ctx.identities.resolve(bob.did);
  assert.equal(await people.stars.isStarred(identity, ref), false);
  await people.stars.star(session, ref);
  assert.equal(await count(), 1);
  const pds = new PdsAccount(server.pds, bob);
  const [own] = await pds.records(STAR);
  assert.equal(
    own?.value["subject"],
    `at://${alice.did}/${PAGE}/app`,
  );
  // Another application stars the same, in the early form, and something else.
  const createdAt = new Date().toISOString();
  const early = (repository: string) => ({
    subject: { did: alice.did, repository },
    createdAt,
  });
  await pds.put(STAR, "other", early("app"));
  await pds.put(STAR, "elsewhere", early("elsewhere"));
  const elsewhere = refOf(alice, "elsewhere");
  await until(async () =>
    (await people.starIndex.counts([elsewhere]))[0] === 1
  );
  assert.equal(await count(), 1);
  assert.deepEqual(
    (await people.starIndex.records(identity.did, ref))?.length,
    2,
  );
  await pds.delete(STAR, "other");
  await pds.delete(STAR, "elsewhere");
  await until(async () =>
    (await people.starIndex.counts([elsewhere]))[0] === 0
  );
  assert.equal(await count(), 1);
  await people.stars.unstar(session, ref);
  assert.equal(await count(), 0);
  assert.deepEqual(await pds.records(STAR), []);
  // The person behind the star was met with the login.
  await until(async () => {
    const [actor] = await people.actors.many([bob.did as Did]);
    return actor?.handle === bob.handle;
  });
});
