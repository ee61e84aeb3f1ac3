/**
 * Builds the modules of the islands: `deno task build`.
 *
 * @module
 */

import { buildIslands } from "../lib/install/island_modules.ts";

if (import.meta.main) await buildIslands(new URL("../", import.meta.url));
