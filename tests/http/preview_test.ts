/** A preview on Deno Deploy, as the platform warms it up: without any setting. */

import assert from "node:assert/strict";
import { startProgram } from "../support/program.ts";
import { freePort } from "../tools/ports.ts";

Deno.test("a preview starts without settings, makes no identity and keeps nothing", async () => {
  const port = freePort();
  const dataDir = await Deno.makeTempDir({ prefix: "atcr-preview-" });
  try {
    await using program = await startProgram({
      port,
      dataDir,
      env: {
        ATCR_SERVER_BASE_URL: "",
        DENO_DEPLOY: "true",
        DENO_TIMELINE: "preview/abc123",
        DENO_SERVE_ADDRESS: `tcp:127.0.0.1:${port}`,
      },
    });
    const status = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      await response.body?.cancel();
      return response.status;
    };
    assert.equal(await status("/"), 200);
    assert.equal(await status("/v2/"), 401);
    assert.equal(await status("/.well-known/did.json"), 404);
    assert.equal((await program.stop("SIGINT")).code, 0);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(dataDir)), []);
  } finally {
    await Deno.remove(dataDir, { recursive: true });
  }
});
