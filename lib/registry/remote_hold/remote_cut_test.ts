import assert from "node:assert/strict";
import { PartMemory } from "../../async/part_memory.ts";
import { isAppError } from "../../errors.ts";
import { bodyOf, noise } from "../../hold/testing.ts";
import { ManualClock } from "../../testing_clock.ts";
import { cutIntoParts } from "./remote_cut.ts";
import { digest, MIB } from "./testing_remote.ts";

const me = { account: "me", evict: () => {} };
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

/** Cuts bodies into parts of 1 MiB, two of which fit into the memory. */
function cutter() {
  const clock = new ManualClock();
  const memory = new PartMemory({ clock, bytes: 2 * MIB, waitMs: 1_000 });
  const cut = (
    body: ReadableStream<Uint8Array>,
    head = new Uint8Array(0),
    send = (_bytes: Uint8Array): Promise<void> => Promise.resolve(),
    account = "first",
  ) =>
    cutIntoParts({
      ...{ account, clock, memory, partBytes: MIB, body, send },
      head: {
        length: head.length,
        read: (into) => Promise.resolve(into.set(head)),
      },
    });
  return { clock, memory, cut };
}

/** Sends `bytes` and then nothing. */
function stalling(bytes: Uint8Array): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (to) => to.enqueue(bytes) });
}

Deno.test("requests share the memory of parts, stalled ones give it up, and small ones need none", async () => {
  const { clock, memory, cut } = cutter();
  const dropped = [1, 2].map(() =>
    assert.rejects(
      cut(stalling(noise(300_000))),
      (error) => isAppError(error, "BLOB_UPLOAD_INVALID"),
    )
  );
  await settled();
  const refused = assert.rejects(
    cut(bodyOf(noise(300_000))),
    (error) => isAppError(error, "UNAVAILABLE"),
  );
  await settled();
  const { rest } = await cut(bodyOf(noise(200_000)));
  assert.equal(rest.length, 200_000);
  clock.advance(1_000);
  await refused;
  clock.advance(59_000);
  await Promise.all(dropped);
  (await memory.reserve(2 * MIB, me)).free();
});

Deno.test("heads and bodies of any size become whole parts and a rest, and free their memory", async () => {
  const { memory, cut } = cutter();
  const sizes = [0, 1, 200_000, 700_000, MIB - 1, MIB, 3 * MIB + 7];
  for (const size of sizes) {
    for (const length of sizes.filter((length) => length < MIB)) {
      const all = noise(length + size);
      const head = all.slice(0, length);
      const sent: Uint8Array<ArrayBuffer>[] = [];
      const left = await cut(bodyOf(all.slice(length)), head, (bytes) => {
        assert.equal(bytes.length, MIB);
        sent.push(bytes.slice());
        return Promise.resolve();
      });
      assert.equal(left.received, size);
      assert.equal(left.kept, sent.length > 0 ? 0 : length);
      const kept = head.slice(0, left.kept);
      const blob = new Blob([...sent, kept, left.rest.slice()]);
      const bytes = new Uint8Array(await blob.arrayBuffer());
      assert.equal(digest(bytes), digest(all));
      left.free();
    }
  }
  (await memory.reserve(2 * MIB, me)).free();
});

Deno.test("a part that cannot be sent ends the request and frees its memory", async () => {
  const { memory, cut } = cutter();
  const fail = () => Promise.reject(new Error("refused"));
  for (const size of [MIB, 2 * MIB + 300_000]) {
    const failing = cut(bodyOf(noise(size)), undefined, fail);
    await assert.rejects(failing, /refused/);
  }
  (await memory.reserve(2 * MIB, me)).free();
});

Deno.test("an account that fills all memory slowly makes room for another one", async () => {
  const { clock, memory, cut } = cutter();
  const isEvicted = (error: unknown) => isAppError(error, "UNAVAILABLE");
  const bodies = [1, 2].map(() => stalling(noise(300_000)));
  const [first, second] = bodies.map((body) => cut(body));
  assert.ok(first && second);
  second.catch(() => {});
  await settled();
  const other = cut(bodyOf(noise(300_000)), undefined, undefined, "second");
  await settled();
  clock.advance(100);
  await assert.rejects(first, isEvicted);
  (await other).free();
  clock.advance(60_000);
  await assert.rejects(second, (e) => isAppError(e, "BLOB_UPLOAD_INVALID"));
  (await memory.reserve(2 * MIB, me)).free();
});
