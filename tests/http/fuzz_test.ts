/** A short search for requests that break the server; `deno task fuzz` searches on. */

import assert from "node:assert/strict";
import { fuzz, FUZZ_ENV } from "../fuzz/fuzzer.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer({ env: FUZZ_ENV });

Deno.test("two thousand malformed requests are all refused properly and change nothing", async () => {
  const report = await fuzz(server(), { cases: 2_000, seed: 1 });
  assert.ok(report.cases >= 2_000);
  for (const code of ["200", "202", "401 UNAUTHORIZED", "403 DENIED"]) {
    assert.ok(
      report.outcomes.has(code),
      `no request was answered with ${code}`,
    );
  }
});
