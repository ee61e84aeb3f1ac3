/**
 * The contract of the key-value store over the network, as on Deno Deploy;
 * left out where the server is missing (`deno task tools denokv` builds it).
 */

import { hasRemoteKv, startRemoteKv } from "../support/remote_kv.ts";
import { testKvContract } from "./kv_contract.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

testKvContract(
  "remote",
  async (clock, owned) => {
    const server = owned.use(await startRemoteKv());
    Deno.env.set("DENO_KV_ACCESS_TOKEN", server.token);
    return await openKv(server.url, clock);
  },
  { ignore: !hasRemoteKv },
);
