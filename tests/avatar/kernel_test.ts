/** The compiled kernel matches its source, decorators included. */

import assert from "node:assert/strict";

const COMPILER = "npm:assemblyscript@0.28.20/asc";
const ROOT = new URL("../../", import.meta.url);

Deno.test("compiling the pixel kernel gives exactly the committed bytes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const output = `${folder}/kernel.wasm`;
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      cwd: ROOT,
      args: [
        "run",
        "-A",
        "--no-config",
        "--no-lock",
        COMPILER,
        "--config",
        "lib/avatar/kernel/assembly/asconfig.json",
        "--outFile",
        output,
      ],
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.deepEqual(
      await Deno.readFile(output),
      await Deno.readFile(new URL("lib/avatar/kernel/kernel.wasm", ROOT)),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
