/** The contract of the key-value store on PostgreSQL. */

import {
  hasPostgres,
  POSTGRES_MISSING,
  startPostgres,
} from "../support/postgres.ts";
import { testKvContract } from "./kv_contract.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const server = hasPostgres
  ? await startPostgres({ settings: ["fsync = off"] })
  : undefined;
testKvContract(
  `PostgreSQL${POSTGRES_MISSING}`,
  async (clock) => await openKv(await server?.database(), clock),
  { ignore: !hasPostgres, hasPool: true },
);
Deno.test.afterAll(async () => await server?.[Symbol.asyncDispose]());
