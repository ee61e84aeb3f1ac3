/**
 * A server that is killed at the moment at which its hold is to hear of a
 * push. Arguments: port, folder of the data, PDS, PLC directory. Prints a line
 * when it listens.
 *
 * @module
 */

import { say } from "../tools/command.ts";
import { openProgram } from "./in_process.ts";

const [port = "", dataDir = "", pds = "", plc = ""] = Deno.args;
const { ctx } = await openProgram({
  port: Number(port),
  dataDir,
  sandbox: { pds, plc },
});
if (!ctx.hold) throw new Error("no hold");
ctx.hold.notify.push = () => {
  Deno.kill(Deno.pid, "SIGKILL");
  return Promise.reject(new Error("killed"));
};
await say("listening");
