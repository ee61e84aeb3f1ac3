import assert from "node:assert/strict";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import { OwnerReader } from "./owner_reader.ts";
import { silentLogger } from "../../testing_log.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const OLD = "https://old.example";
const NEW = "https://new.example";
const TAG = "io.atcr.tag";
const RECORD = { uri: `at://${ALICE}/${TAG}/a`, cid: "bafy", value: { n: 1 } };

const ownerAt = (pds: string): Identity => (identityOf(ALICE, { pds }));

/** A reader of an account at the new PDS; the old one fails with `failure`. */
function readerOf(
  failure: AppError,
  options: { moved?: boolean; hidden?: boolean } = {},
) {
  const { moved = true, hidden = false } = options;
  const asked: string[] = [];
  const answer = <T>(pds: string, value: T): Promise<T> => {
    asked.push(pds);
    return pds === NEW ? Promise.resolve(value) : Promise.reject(failure);
  };
  const pds: Partial<PdsReader> = {
    getRecord: (at) => answer(at, RECORD),
    listRecords: (at) => answer(at, { records: [RECORD], cursor: undefined }),
  };
  const whereNow = () => Promise.resolve(moved ? ownerAt(NEW) : undefined);
  const calls: string[] = [];
  const reader = new OwnerReader({
    log: silentLogger,
    pds: pds as PdsReader,
    maxManifestBytes: 1_000,
    hosting: {
      moved: () => {
        calls.push("moved");
        return whereNow();
      },
      find: () => {
        calls.push("find");
        return hidden
          ? Promise.reject(new AppError("NAME_UNKNOWN", "Deactivated."))
          : whereNow();
      },
      isAt: () => Promise.resolve(true),
    },
  });
  return { reader, asked, calls };
}

async function listed(reader: OwnerReader): Promise<number> {
  let count = 0;
  for await (const page of reader.pages(ownerAt(OLD), TAG)) {
    count += page.records.length;
  }
  return count;
}

for (const code of ["UPSTREAM_FAILED", "UNAVAILABLE"] as const) {
  Deno.test(`records are read from the account's current PDS when its former PDS returns ${code}`, async () => {
    const { reader, asked } = readerOf(new AppError(code, "No."));
    assert.deepEqual(await reader.record(ownerAt(OLD), TAG, "a"), { n: 1 });
    assert.equal(await listed(reader), 1);
    assert.deepEqual(asked, [OLD, NEW, OLD, NEW]);
  });
}

Deno.test("a refusal by the account's own PDS is passed on, or explained by the status of the account", async () => {
  const refused = new AppError("UPSTREAM_FAILED", "Could not find repo");
  const stays = readerOf(refused, { moved: false });
  await assert.rejects(stays.reader.record(ownerAt(OLD), TAG, "a"), refused);
  const hidden = readerOf(refused, { hidden: true });
  await assert.rejects(
    listed(hidden.reader),
    (error) => isAppError(error, "NAME_UNKNOWN"),
  );
});

Deno.test("an unreachable PDS is not queried for the status of the account", async () => {
  const down = new AppError("UNAVAILABLE", "Not reached.");
  const { reader, calls } = readerOf(down, { moved: false, hidden: true });
  await assert.rejects(reader.record(ownerAt(OLD), TAG, "a"), down);
  assert.deepEqual(calls, ["moved"]);
});

Deno.test("a throttling PDS is not mistaken for one that the account has left", async () => {
  const busy = new AppError("TOOMANYREQUESTS", "Later.");
  const { reader, calls } = readerOf(busy);
  await assert.rejects(reader.record(ownerAt(OLD), TAG, "a"), busy);
  assert.deepEqual(calls, []);
});
