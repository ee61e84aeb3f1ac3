/** The dialects that differ most, in the default suite; all of them: `deno task test:pds`. */

import { testDialects } from "./suite.ts";

testDialects(["cocoon", "rsky", "tranquil"]);
