import { join } from "node:path";
import { testKvContract } from "./kv_contract.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

testKvContract("memory", (clock) => openKv(":memory:", clock));

const folder = await Deno.makeTempDir({ prefix: "atcr-kv-" });
let files = 0;
testKvContract(
  "file",
  (clock) => openKv(join(folder, `${files++}`, "kv.sqlite3"), clock),
);
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));
