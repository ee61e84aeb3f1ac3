import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { JsonLines, replaceFile } from "./files.ts";

async function withFolder(test: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "atcr-files-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function readBack(path: string): Promise<unknown[]> {
  const { log, values } = await JsonLines.open(path);
  log[Symbol.dispose]();
  return values;
}

Deno.test("truncation anywhere keeps the complete lines before, and more can be appended", () =>
  withFolder(async (folder) => {
    const path = join(folder, "log.jsonl");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.jsonValue(), { maxLength: 5 }),
        fc.nat(),
        async (json, at) => {
          const values = JSON.parse(JSON.stringify(json)); // -0 becomes 0
          await Deno.remove(path).catch(() => {});
          const { log } = await JsonLines.open(path);
          for (const value of values) await log.append(value);
          log[Symbol.dispose]();

          const { size } = await Deno.stat(path);
          const cut = size === 0 ? 0 : at % (size + 1);
          await Deno.truncate(path, cut);
          const left = await Deno.readTextFile(path);
          const whole = left.split("\n").length - 1;

          const again = await JsonLines.open(path);
          assert.deepEqual(again.values, values.slice(0, whole));
          await again.log.append("more");
          again.log[Symbol.dispose]();
          assert.deepEqual(await readBack(path), [
            ...values.slice(0, whole),
            "more",
          ]);
        },
      ),
      { numRuns: 30 },
    );
  }));

Deno.test("a damaged line in the middle is an error that names it", () =>
  withFolder(async (folder) => {
    const path = join(folder, "log.jsonl");
    await Deno.writeTextFile(path, '{"a":1}\n{"a":\n{"a":3}\n');
    await assert.rejects(JsonLines.open(path), /Line 2 of .*log\.jsonl/);
  }));

Deno.test("a replaced file has the new text, is readable by its owner only and leaves no temporary file", () =>
  withFolder(async (folder) => {
    const path = join(folder, "state.json");
    await replaceFile(path, "a longer first text");
    await replaceFile(path, "second");
    assert.equal(await Deno.readTextFile(path), "second");
    const names = [...Deno.readDirSync(folder)].map((entry) => entry.name);
    assert.deepEqual(names, ["state.json"]);
    if (Deno.build.os !== "windows") {
      assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    }
  }));
