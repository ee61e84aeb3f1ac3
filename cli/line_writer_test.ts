import assert from "node:assert/strict";
import { LineWriter } from "./line_writer.ts";

/** A sink that accepts at most `most` bytes at once. */
function sink(most = Infinity) {
  const decoder = new TextDecoder();
  const taken: string[] = [];
  return {
    taken,
    writeSync(bytes: Uint8Array): number {
      const part = bytes.subarray(0, most);
      taken.push(decoder.decode(part));
      return part.length;
    },
  };
}

Deno.test("lines are buffered and written in order", () => {
  const out = sink();
  const writer = new LineWriter(out);
  writer.write("one");
  writer.write("two");
  assert.deepEqual(out.taken, []);
  writer.flush();
  assert.deepEqual(out.taken, ["one\ntwo\n"]);
});

Deno.test("a full buffer is written at once, and a short write is completed", () => {
  const out = sink(1000);
  const writer = new LineWriter(out);
  const line = "x".repeat(20_000);
  writer.write(line);
  assert.equal(out.taken.join(""), `${line}\n`);
});

Deno.test("a lone line is written soon", async () => {
  const out = sink();
  new LineWriter(out).write("alone");
  await new Promise((resolve) => setTimeout(resolve, 80));
  assert.deepEqual(out.taken, ["alone\n"]);
});
