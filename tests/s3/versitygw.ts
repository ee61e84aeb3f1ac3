/**
 * versitygw, an S3 server over a folder in one Go program.
 *
 * @module
 */

import { run, say } from "../tools/command.ts";
import { findProgram, ROOT } from "../tools/paths.ts";
import { freePorts } from "../tools/ports.ts";
import { startServer } from "../tools/server.ts";
import type { S3Kind, S3Server } from "./kinds.ts";

const BUILD_LIMIT_MS = 20 * 60_000;

/** versitygw as `deno task tools` builds it. */
export const versitygw: S3Kind = {
  name: "versitygw",
  async missing() {
    if (await findProgram("versitygw")) return undefined;
    if (!await findProgram("go")) return "needs Go to be built";
    await say("building versitygw ...");
    const script = `${ROOT}tests/tools/install.ts`;
    try {
      await run(Deno.execPath(), ["run", "-A", script, "versitygw"], {
        limitMs: BUILD_LIMIT_MS,
      });
      return undefined;
    } catch (error) {
      return `could not be built: ${error}`;
    }
  },
  start,
};

async function start(): Promise<S3Server> {
  const program = await findProgram("versitygw");
  if (program === undefined) throw new Error("versitygw is not installed.");
  const folder = await Deno.makeTempDir({ prefix: "versitygw" });
  const [port] = freePorts(1);
  const accessKey = "tester";
  const secretKey = crypto.randomUUID();
  const endpoint = `http://127.0.0.1:${port}`;
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    await Deno.mkdir(`${folder}/buckets`);
    const server = await startServer({
      name: "versitygw",
      program,
      args: ["--port", `127.0.0.1:${port}`, "posix", `${folder}/buckets`],
      env: { ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey },
      logFile: `${folder}/log`,
      readyUrl: endpoint,
    });
    const stop = async () => {
      await server.stop();
      await remove();
    };
    return { endpoint, accessKey, secretKey, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
