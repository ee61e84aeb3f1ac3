import assert from "node:assert/strict";
import { openKv } from "../../kv/open_kv.ts";
import { ManualClock } from "../../testing_clock.ts";
import { until } from "../../../tests/support/until.ts";
import { searchKeys } from "./kv_keys.ts";
import { NameList } from "./name_list.ts";

Deno.test("names are read again after the clock was set back", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const names = new NameList({ kv, clock, maxNames: 100 });
  const add = (name: string) =>
    kv.set([...searchKeys.allNames(), name, "did:plc:a"], true);
  await add("weather-old");
  assert.deepEqual(await names.containing("weather", 9), ["weather-old"]);
  await add("weather-new");
  assert.deepEqual(await names.containing("weather", 9), ["weather-old"]);
  clock.setBack(86_400_000);
  await until(async () => (await names.containing("weather", 9)).length === 2);
  kv.close();
});
