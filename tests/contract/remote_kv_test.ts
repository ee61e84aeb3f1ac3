/**
 * The contract of the key-value store over the network, as on Deno Deploy;
 * left out where the server is missing (`deno task tools denokv` builds it).
 */

import {
  hasRemoteKv,
  type RemoteKv,
  startRemoteKv,
} from "../support/remote_kv.ts";
import { testKvContract } from "./kv_contract.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const servers: RemoteKv[] = [];
testKvContract(
  "remote",
  async (clock) => {
    const server = await startRemoteKv();
    servers.push(server);
    Deno.env.set("DENO_KV_ACCESS_TOKEN", server.token);
    return await openKv(server.url, clock);
  },
  { ignore: !hasRemoteKv },
);
Deno.test.afterAll(async () => {
  for (const server of servers) await server[Symbol.asyncDispose]();
});
