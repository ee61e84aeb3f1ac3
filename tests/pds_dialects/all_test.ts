/** All dialects, the slow ones included: `deno task test:pds`. */

import { testDialects, testMove } from "./suite.ts";

testDialects(["reference", "cocoon", "rsky", "tranquil", "overloaded"]);
testMove();
