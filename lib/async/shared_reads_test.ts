import assert from "node:assert/strict";
import { SharedReads } from "./shared_reads.ts";

/** A row with slow reads; a read returns the value at its start. */
function slowRow(reads: SharedReads) {
  const row = { value: 1, count: 0 };
  const read = () =>
    reads.read("row", async () => {
      row.count++;
      const { value } = row;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return value;
    });
  return { row, read };
}

Deno.test("callers that arrive during a read share the next one", async () => {
  const { row, read } = slowRow(new SharedReads());
  assert.deepEqual(
    await Promise.all([read(), read(), read(), read()]),
    [1, 1, 1, 1],
  );
  assert.equal(row.count, 2);
  await read();
  assert.equal(row.count, 3);
});

Deno.test("a read after a write sees it, whichever process wrote, even while an older read is in progress", async () => {
  const { row, read } = slowRow(new SharedReads());
  const before = read();
  row.value = 2;
  const after = read();
  await before;
  row.value = 3;
  assert.deepEqual(await Promise.all([before, after, read()]), [1, 2, 3]);
});

Deno.test("a finished read is not cached", async () => {
  const { row, read } = slowRow(new SharedReads());
  await Promise.all([read(), read()]);
  row.value = 2;
  assert.equal(await read(), 2);
});

Deno.test("a failed read fails for all who share it, and is not cached", async () => {
  const reads = new SharedReads();
  const fail = () =>
    reads.read<number>("row", () => Promise.reject(new Error("broken")));
  const results = await Promise.allSettled([fail(), fail()]);
  assert.deepEqual(results.map(({ status }) => status), [
    "rejected",
    "rejected",
  ]);
  assert.equal(await reads.read("row", () => Promise.resolve(3)), 3);
});
