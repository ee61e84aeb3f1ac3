import assert from "node:assert/strict";
import { fromUint8Array, writeCarStream } from "@atcute/car";
import { verifyRecord } from "@atcute/repo";
import { verifyProofs, verifyRepoCar } from "@atproto/repo";
import fc from "fast-check";
import { CID } from "multiformats/cid";
import { FUZZ } from "../../../tests/support/fuzz.ts";
import {
  allEvents,
  create,
  openTestRepo,
  TEST_DID,
} from "../../../tests/support/repo.ts";
import { SyncVerifier } from "../../../tests/support/sync_verifier.ts";
import { joinBytes } from "../../bytes.ts";
import { AppError } from "../../errors.ts";
import { importCar } from "./car_import.ts";
import type { Repo } from "../repo.ts";
import { ManualClock } from "../../testing_clock.ts";

const GARBAGE_GRACE_MS = 3_600_000;

const NOTE = "com.example.note";

function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Response(stream).bytes();
}

async function filled(repo: Repo, count: number): Promise<void> {
  for (let i = 0; i < count; i += 100) {
    const size = Math.min(100, count - i);
    await repo.apply(
      Array.from({ length: size }, (_, n) => create(`note${i + n}`)),
    );
  }
}

Deno.test("an export holds what the events announced, and passes the reference implementation", async () => {
  const { repo, kv, signer } = await openTestRepo();
  await filled(repo, 500);
  await repo.apply([
    {
      action: "put",
      collection: "com.example.note.deep",
      rkey: "a",
      value: {},
    },
    { action: "delete", collection: NOTE, rkey: "note7" },
  ]);
  const verifier = new SyncVerifier(TEST_DID, signer.didKey);
  for (const { frame } of await allEvents(repo)) await verifier.take(frame);
  await verifier.assertExport(await bytesOf(await repo.car.export()));
  kv.close();
});

Deno.test("two records of one content survive the removal of one", async () => {
  const { repo, kv, signer } = await openTestRepo();
  await repo.apply([create("a", "same"), create("b", "same")]);
  await repo.apply([{ action: "delete", collection: NOTE, rkey: "a" }]);
  const { creates } = await verifyRepoCar(
    await bytesOf(await repo.car.export()),
    TEST_DID,
    signer.didKey,
  );
  assert.deepEqual(creates.map(({ rkey }) => rkey), ["b"]);
  assert.ok(
    await repo.car.blocks([(await repo.getRecord(NOTE, "b"))?.cid ?? ""]),
  );
  kv.close();
});

Deno.test("a running export continues while everything is replaced and swept", async () => {
  const clock = new ManualClock();
  const { repo, kv, signer } = await openTestRepo({ clock });
  await filled(repo, 1500);
  const before = await repo.head();
  const reader = (await repo.car.export()).getReader();
  const parts = [(await reader.read()).value ?? new Uint8Array()];
  for (let i = 0; i < 1500; i += 100) {
    await repo.apply(Array.from({ length: 100 }, (_, n) => ({
      action: "put" as const,
      collection: NOTE,
      rkey: `note${i + n}`,
      value: { text: "replaced" },
    })));
  }
  await repo.apply(
    Array.from({ length: 200 }, (_, n) => ({
      action: "delete" as const,
      collection: NOTE,
      rkey: `note${n}`,
    })),
  );
  clock.advance(GARBAGE_GRACE_MS - 1000);
  await repo.sweep();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    parts.push(next.value);
  }
  const car = joinBytes(parts);
  const { creates, commit } = await verifyRepoCar(car, TEST_DID, signer.didKey);
  assert.equal(commit.cid.toString(), before.cid);
  assert.equal(creates.length, 1500);
  kv.close();
});

Deno.test("an export since a revision holds only the changes, and completes the older one", async () => {
  const { repo, kv, signer } = await openTestRepo();
  await filled(repo, 800);
  const { rev } = await repo.head();
  const whole = await bytesOf(await repo.car.export());
  await repo.apply([
    create("later"),
    { action: "put", collection: NOTE, rkey: "note3", value: { text: "new" } },
    { action: "delete", collection: NOTE, rkey: "note4" },
  ]);
  const diff = await bytesOf(await repo.car.export(rev));
  assert.ok(diff.length < whole.length / 10, `${diff.length}`);
  const records = [...fromUint8Array(diff)].length;
  assert.ok(records < 40);

  const blocks = new Map(
    [...fromUint8Array(whole), ...fromUint8Array(diff)].map((b) => [
      b.cid.bytes.toHex(),
      { cid: b.cid.bytes, data: b.bytes },
    ]),
  );
  const joined = writeCarStream(fromUint8Array(diff).roots, blocks.values());
  const car = await bytesOf(ReadableStream.from(joined));
  const { creates } = await verifyRepoCar(car, TEST_DID, signer.didKey);
  assert.equal(creates.length, 800);

  const nothing = await bytesOf(await repo.car.export((await repo.head()).rev));
  assert.equal([...fromUint8Array(nothing)].length, 1);
  kv.close();
});

Deno.test("proofs show an existing record and a missing one", async () => {
  const { repo, kv, signer } = await openTestRepo();
  await filled(repo, 300);
  const cid = (await repo.getRecord(NOTE, "note5"))?.cid ?? "";
  const present = await repo.car.proof(NOTE, "note5");
  const absent = await repo.car.proof(NOTE, "nothing");
  const check = async (car: Uint8Array, rkey: string, cid: CID | null) => {
    const claims = [{ collection: NOTE, rkey, cid }];
    const { verified } = await verifyProofs(
      car,
      claims,
      TEST_DID,
      signer.didKey,
    );
    return verified.length === 1;
  };
  assert.ok(await check(present, "note5", CID.parse(cid)));
  assert.ok(await check(absent, "nothing", null));
  assert.ok(!await check(present, "note5", null));
  assert.ok(present.length < 10_000);
  const { record } = await verifyRecord({
    collection: NOTE,
    rkey: "note5",
    carBytes: present,
  });
  assert.deepEqual(record, { $type: NOTE, text: "note5" });
  kv.close();
});

Deno.test("the proof of an empty repo shows that there is no record", async () => {
  const { repo, kv, signer } = await openTestRepo();
  const { verified } = await verifyProofs(
    await repo.car.proof(NOTE, "a"),
    [{ collection: NOTE, rkey: "a", cid: null }],
    TEST_DID,
    signer.didKey,
  );
  assert.equal(verified.length, 1);
  kv.close();
});

Deno.test("blocks are found by CID: commit, node, record", async () => {
  const { repo, kv } = await openTestRepo();
  await filled(repo, 10);
  const { cid, data } = await repo.head();
  const record = (await repo.getRecord(NOTE, "note1"))?.cid ?? "";
  const car = fromUint8Array(await repo.car.blocks([cid, data, record]));
  assert.deepEqual(car.roots, []);
  assert.equal([...car].length, 3);
  await assert.rejects(
    repo.car.blocks([
      "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a",
    ]),
    (error: unknown) =>
      error instanceof AppError && error.xrpcName === "BlockNotFound",
  );
  await assert.rejects(repo.car.blocks(["nonsense"]), AppError);
  kv.close();
});

Deno.test("an exported repo can be imported elsewhere, repeatedly", async () => {
  const from = await openTestRepo();
  await filled(from.repo, 450);
  await from.repo.apply([create("twin1", "same"), create("twin2", "same")]);
  const to = await openTestRepo({
    validator: {
      assertRecord: (_collection, _rkey, { text }) => {
        if (text === "note13") {
          throw new AppError("INVALID_REQUEST", "unlucky");
        }
      },
    },
  });
  await to.repo.apply([create("own")]);
  for (let i = 0; i < 2; i++) {
    const { records, refused } = await importCar(
      to.repo,
      await from.repo.car.export(),
    );
    assert.equal(records, 451);
    assert.deepEqual(refused, [{ path: `${NOTE}/note13`, reason: "unlucky" }]);
  }
  const here = await Array.fromAsync(to.repo.allRecords(NOTE));
  assert.equal(here.length, 452);
  const verifier = new SyncVerifier(TEST_DID, to.signer.didKey);
  for (const { frame } of await allEvents(to.repo)) await verifier.take(frame);
  assert.ok(verifier.commits <= 6, "the second import committed again");
  from.kv.close();
  to.kv.close();
});

Deno.test("a truncated CAR is refused", async () => {
  const { repo, kv } = await openTestRepo();
  await filled(repo, 50);
  const car = await bytesOf(await repo.car.export());
  for (const cut of [car.slice(0, -40), car.slice(0, 10), new Uint8Array()]) {
    await assert.rejects(
      importCar(repo, ReadableStream.from([cut])),
      (error: unknown) =>
        error instanceof AppError && error.code === "INVALID_REQUEST",
    );
  }
  kv.close();
});

Deno.test("a damaged CAR is refused or imported in part, and the repo stays consistent", async () => {
  const from = await openTestRepo();
  await filled(from.repo, 20);
  const car = await bytesOf(await from.repo.car.export());
  const damage = fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: car.length - 1 }),
      byte: fc.integer({ min: 0, max: 255 }),
    }),
    { minLength: 1, maxLength: 5 },
  );
  const to = await openTestRepo();
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      const damaged = car.slice();
      for (const { at, byte } of changes) damaged[at] = byte;
      try {
        await importCar(to.repo, ReadableStream.from([damaged]));
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
      }
    }),
    FUZZ,
  );
  const verifier = new SyncVerifier(TEST_DID, to.signer.didKey);
  for (const { frame } of await allEvents(to.repo)) await verifier.take(frame);
  for await (const { rkey, value } of to.repo.allRecords(NOTE)) {
    assert.equal(value.text, rkey);
  }
  from.kv.close();
  to.kv.close();
});
