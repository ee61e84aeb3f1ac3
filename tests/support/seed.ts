/**
 * Loaded before the tests of the default run: property tests use the same cases
 * every time, so that results are deterministic. With `FUZZ_RUNS` set, each run
 * searches new cases.
 *
 * @module
 */

import fc from "fast-check";

if (Deno.env.get("FUZZ_RUNS") === undefined) fc.configureGlobal({ seed: 1 });
