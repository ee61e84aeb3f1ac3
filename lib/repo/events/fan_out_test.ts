import assert from "node:assert/strict";
import { type Batch, FanOut } from "./fan_out.ts";
import { ManualClock } from "../../testing_clock.ts";
import { asMessages } from "./socket_messages.ts";

const event = (seq: number) => ({ seq, at: 0, frame: Uint8Array.of(seq) });

/** A recipient that records what it received, batch by batch. */
function recipient() {
  const batches: number[][] = [];
  const bytes: Uint8Array[] = [];
  const take = ({ frames, messages }: Batch) => {
    batches.push(frames.map(([seq = NaN]) => seq));
    bytes.push(messages());
  };
  return { take, batches, bytes };
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("the first event is sent at once, those right after it together", async () => {
  const clock = new ManualClock();
  const out = new FanOut(clock);
  const { take, batches } = recipient();
  out.add(event(1), take);
  await settle();
  assert.deepEqual(batches, [[1]]);
  for (const seq of [2, 3, 4]) out.add(event(seq), take);
  await settle();
  assert.deepEqual(batches, [[1]]);
  clock.advance(20);
  await settle();
  assert.deepEqual(batches, [[1], [2, 3, 4]]);
  clock.advance(20);
  await settle();
  out.add(event(5), take);
  await settle();
  assert.deepEqual(batches.at(-1), [5]);
  out.stop();
});

Deno.test("all recipients get the same bytes, and nothing from before they joined", async () => {
  const out = new FanOut(new ManualClock());
  const [one, two, late, gone] = [
    recipient(),
    recipient(),
    recipient(),
    recipient(),
  ];
  for (const seq of [1, 2, 3]) {
    for (const { take } of [one, two, gone]) out.add(event(seq), take);
    if (seq === 3) out.add(event(seq), late.take);
  }
  out.remove(gone.take);
  await settle();
  assert.deepEqual(one.batches, [[1, 2, 3]]);
  assert.equal(one.bytes[0], two.bytes[0]);
  assert.deepEqual(late.batches, [[3]]);
  assert.deepEqual(gone.batches, []);
  out.stop();
});

Deno.test("messages of every length have the header that the protocol requires", () => {
  const sizes = [0, 1, 125, 126, 65_535, 65_536];
  const frames = sizes.map((size, i) => new Uint8Array(size).fill(i));
  const bytes = asMessages(frames);
  const view = new DataView(bytes.buffer, 0, bytes.length);
  let at = 0;
  for (const frame of frames) {
    assert.equal(view.getUint8(at), 0x82);
    const short = view.getUint8(at + 1);
    const [length, header] = short === 127
      ? [Number(view.getBigUint64(at + 2)), 10]
      : short === 126
      ? [view.getUint16(at + 2), 4]
      : [short, 2];
    assert.equal(length, frame.length);
    // The shortest possible form.
    assert.equal(
      header,
      length < 126 ? 2 : length < 65_536 ? 4 : 10,
    );
    at += header;
    assert.deepEqual(bytes.slice(at, at + length), frame);
    at += length;
  }
  assert.equal(at, bytes.length);
});
