/**
 * Loaded before the tests of the default run: property tests try the same cases
 * every time, so that whether a change passes is no matter of luck. With
 * `FUZZ_RUNS` set, each run searches new cases.
 *
 * @module
 */

import fc from "fast-check";

if (Deno.env.get("FUZZ_RUNS") === undefined) fc.configureGlobal({ seed: 1 });
