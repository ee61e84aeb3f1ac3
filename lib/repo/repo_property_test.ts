import assert from "node:assert/strict";
import fc from "fast-check";
import { allEvents, openTestRepo, TEST_DID } from "../../tests/support/repo.ts";
import { SyncVerifier } from "../../tests/support/sync_verifier.ts";
import { repoKeys } from "./kv_keys.ts";
import { StoredNodes, Workspace } from "./nodes.ts";
import type { RepoWrite } from "./writes.ts";
import { NodeWalker } from "@atcute/mst";
import { CODEC_DCBOR, fromDigest, toString } from "@atcute/cid";
import { ManualClock } from "../testing_clock.ts";

const GARBAGE_GRACE_MS = 3_600_000;

/** Few keys, so that they are created, changed and deleted repeatedly. */
const write: fc.Arbitrary<RepoWrite> = fc.record({
  action: fc.constantFrom("put" as const, "put" as const, "delete" as const),
  collection: fc.constantFrom(
    "com.example.a",
    "com.example.a.b",
    "org.example.other",
  ),
  rkey: fc.integer({ min: 0, max: 60 }).map((n) => `key${n}`),
  value: fc.record({ text: fc.constantFrom("one", "two", "three") }),
});

const batches = fc.array(
  fc.uniqueArray(write, {
    minLength: 1,
    maxLength: 25,
    selector: (w) => `${w.collection}/${w.rkey}`,
  }),
  { minLength: 1, maxLength: 25 },
);

Deno.test("every commit of any sequence can be inverted, and the sweep leaves exactly what is reachable", async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (sequence) => {
      const clock = new ManualClock();
      const { repo, kv, signer } = await openTestRepo({ clock });
      const keys = repoKeys(TEST_DID);
      const model = new Map<string, string>();
      for (const [i, batch] of sequence.entries()) {
        await repo.apply(batch);
        for (const w of batch) {
          const path = `${w.collection}/${w.rkey}`;
          if (w.action === "delete") model.delete(path);
          else model.set(path, String(w.value.text));
        }
        clock.advance(60_000);
        if (i % 7 === 6) {
          clock.advance(GARBAGE_GRACE_MS);
          await repo.sweep();
        }
      }
      const verifier = new SyncVerifier(TEST_DID, signer.didKey);
      for (const { frame } of await allEvents(repo)) await verifier.take(frame);
      assert.deepEqual(
        [...verifier.records.keys()].sort(),
        [...model.keys()].sort(),
      );
      for (const [path, text] of model) {
        const [collection = "", rkey = ""] = path.split("/");
        const record = await repo.getRecord(collection, rkey);
        assert.equal(record?.value.text, text);
        assert.equal(record?.cid, verifier.records.get(path));
      }

      clock.advance(GARBAGE_GRACE_MS + 1);
      await repo.sweep();
      const walker = await NodeWalker.create(
        new Workspace(new StoredNodes(kv, keys)),
        (await repo.head()).data,
      );
      const reachable: string[] = [];
      for await (const cid of walker.nodeCids()) reachable.push(cid.$link);
      const stored: string[] = [];
      for await (const { key } of kv.list({ prefix: keys.nodes })) {
        const hash = key.at(-1);
        assert.ok(hash instanceof Uint8Array);
        stored.push(toString(fromDigest(CODEC_DCBOR, hash)));
      }
      assert.deepEqual(stored.sort(), reachable.sort());
      const left = await Array.fromAsync(kv.list({ prefix: keys.garbage }));
      assert.equal(left.length, 0);
      const old = await Array.fromAsync(
        kv.list({ prefix: ["repo", TEST_DID, "old"] }),
      );
      assert.equal(old.length, 0);
      const paths = await Array.fromAsync(
        kv.list({ prefix: ["repo", TEST_DID, "path"] }),
      );
      assert.equal(paths.length, model.size);
      kv.close();
    }),
    { numRuns: 60 },
  );
});
