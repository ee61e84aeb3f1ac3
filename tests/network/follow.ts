/**
 * An instance that follows the network until it is killed:
 * `follow.ts KV PDS PLC RELAY`.
 *
 * @module
 */

import { systemClock } from "../../lib/clock.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { Follower } from "../support/follower.ts";

const [path = "", pds = "", plc = "", relay = ""] = Deno.args;
const kv = await openKv(path);
new Follower({ pds, plc, relay }, kv, systemClock).start();
