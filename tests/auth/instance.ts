/**
 * One of several servers over one store, as a separate process. Prints its port
 * when it is ready and exits when its standard input is closed.
 *
 * @module
 */

import { systemClock } from "../../lib/clock.ts";
import { listen } from "../../routes/server/serve.ts";
import { startAuthApp } from "../support/auth_app.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const [pds = "", plc = "", folder = ""] = Deno.args;
const kv = await openKv(`${folder}/kv.sqlite3`, systemClock);
await using app = await startAuthApp({ pds, plc }, {
  kv,
  env: {
    ATCR_STORAGE_DRIVER: "filesystem",
    ATCR_STORAGE_ROOT_DIR: `${folder}/blobs`,
  },
});
await app.ctx.hold?.start.settle();
const server = await listen({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => app.fetch(request),
  log: silentLogger,
});
Deno.stdout.writeSync(new TextEncoder().encode(`${server.port}\n`));
await Deno.stdin.readable.pipeTo(new WritableStream());
await server.stop(1000);
kv.close();
