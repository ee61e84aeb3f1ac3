import assert from "node:assert/strict";
import {
  allEvents,
  create,
  openTestRepo,
  TEST_DID,
} from "../../tests/support/repo.ts";
import { SyncVerifier } from "../../tests/support/sync_verifier.ts";
import { AppError } from "../errors.ts";
import type { Repo } from "./repo.ts";
import type { RepoWrite } from "./writes.ts";

const NOTE = "com.example.note";

async function verify(repo: Repo, didKey: string): Promise<SyncVerifier> {
  const verifier = new SyncVerifier(TEST_DID, didKey);
  for (const { frame } of await allEvents(repo)) await verifier.take(frame);
  return verifier;
}

Deno.test("a new repo begins with identity, account, an empty commit and sync", async () => {
  const { repo, kv, signer } = await openTestRepo();
  const verifier = new SyncVerifier(TEST_DID, signer.didKey);
  const types: string[] = [];
  for (const { frame } of await allEvents(repo)) {
    types.push(await verifier.take(frame));
  }
  assert.deepEqual(types, ["#identity", "#account", "#commit", "#sync"]);
  assert.equal(verifier.records.size, 0);
  kv.close();
});

Deno.test("a strict consumer follows creates, updates and deletes", async () => {
  const { repo, kv, signer } = await openTestRepo();
  await repo.apply([create("a"), create("b"), create("c")]);
  await repo.apply([
    { action: "update", collection: NOTE, rkey: "a", value: { text: "new" } },
    { action: "delete", collection: NOTE, rkey: "b" },
    { action: "put", collection: NOTE, rkey: "d", value: { text: "d" } },
  ]);
  const verifier = await verify(repo, signer.didKey);
  assert.deepEqual(
    [...verifier.records.keys()].sort(),
    [`${NOTE}/a`, `${NOTE}/c`, `${NOTE}/d`],
  );
  assert.equal(verifier.rev, (await repo.head()).rev);
  assert.deepEqual((await repo.getRecord(NOTE, "a"))?.value, {
    $type: NOTE,
    text: "new",
  });
  assert.equal(await repo.getRecord(NOTE, "b"), undefined);
  kv.close();
});

Deno.test("all writes of a batch happen or none", async () => {
  const { repo, kv } = await openTestRepo();
  await repo.apply([create("a")]);
  const before = await repo.head();
  await rejects(repo.apply([create("b"), create("a")]), "CONFLICT");
  assert.deepEqual(await repo.head(), before);
  assert.equal(await repo.getRecord(NOTE, "b"), undefined);
  kv.close();
});

Deno.test("a batch of 200 large random paths", async () => {
  const { repo, kv, signer } = await openTestRepo();
  for (let i = 0; i < 3; i++) {
    const writes = Array.from({ length: 200 }, (): RepoWrite => ({
      action: "create",
      collection: NOTE,
      rkey: crypto.randomUUID().repeat(2),
      value: { text: "x".repeat(300) },
    }));
    await repo.apply(writes);
  }
  const verifier = await verify(repo, signer.didKey);
  assert.equal(verifier.records.size, 600);
  kv.close();
});

async function rejects(
  promise: Promise<unknown>,
  code: string,
): Promise<AppError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof AppError, String(error));
    assert.equal(error.code, code);
    return error;
  }
  throw new assert.AssertionError({ message: "it did not throw" });
}
