/**
 * A key-value store behind the KV Connect protocol, as Deno Deploy offers it:
 * denokv, a server over SQLite.
 *
 * @module
 */

import { findProgram } from "../tools/paths.ts";
import { freePorts } from "../tools/ports.ts";
import { startServer } from "../tools/server.ts";

/** A running server with an empty store. */
export interface RemoteKv extends AsyncDisposable {
  /** Value for the setting `kv.url`. */
  readonly url: string;
  /** Value for the environment variable `DENO_KV_ACCESS_TOKEN`. */
  readonly token: string;
}

/** Whether the server is installed; `deno task tools denokv` builds it. */
export const hasRemoteKv = await findProgram("denokv") !== undefined;

/** The same for every server: the client reads it from the environment of the process. */
const TOKEN = "0123456789abcdef0123456789abcdef";

/** Starts a server in a folder that is removed at disposal. */
export async function startRemoteKv(): Promise<RemoteKv> {
  const program = await findProgram("denokv");
  if (program === undefined) throw new Error("denokv is not installed.");
  const folder = await Deno.makeTempDir({ prefix: "denokv-" });
  const [port] = freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const server = await startServer({
    name: "denokv",
    program,
    args: [
      `--sqlite-path=${folder}/kv.sqlite`,
      "serve",
      `--addr=127.0.0.1:${port}`,
      `--access-token=${TOKEN}`,
    ],
    logFile: `${folder}/log`,
    readyUrl: url,
  });
  return {
    url,
    token: TOKEN,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
