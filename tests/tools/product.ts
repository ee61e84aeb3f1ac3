/**
 * Starts the product as its users do, `deno run -A main.ts`, with a data folder
 * and ports of its own and the sandbox network behind it.
 *
 * @module
 */

import { join } from "node:path";
import { z } from "zod";
import { ROOT } from "./paths.ts";
import { freePorts } from "./ports.ts";
import { type Server, startServer } from "./server.ts";

/** An account of the sandbox network. */
export interface Account {
  readonly handle: string;
  readonly did: string;
  readonly appPassword: string;
}

/** The product, running. */
export interface Product extends Server {
  /** Host and port, as docker wants them: `127.0.0.1:PORT`. */
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  /** Origin of the sandbox's PDS. */
  readonly pds: string;
  readonly alice: Account;
  readonly bob: Account;
}

/** Options of {@linkcode startProduct}. */
export interface ProductOptions {
  /** Folder of everything that is kept; must exist. */
  readonly dataDir: string;
  /** The checkout whose program is started; this one by default. */
  readonly checkout?: string;
  /** Port to listen on; a free one unless told. */
  readonly port?: number;
  /** Settings in the form of environment variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The first start installs the sandbox's packages. */
const START_LIMIT_MS = 300_000;

const sandboxState = z.object({
  pdsPort: z.int(),
  appPasswords: z.record(z.string(), z.string()),
});
const resolved = z.object({ did: z.string() });

/**
 * Starts the product and resolves when it is ready.
 *
 * @throws {Error} with the end of its output, when it does not become ready.
 */
export async function startProduct(options: ProductOptions): Promise<Product> {
  const { dataDir } = options;
  const [free = 0, pdsPort = 0, plcPort = 0] = freePorts(3);
  const port = options.port ?? free;
  const host = `127.0.0.1:${port}`;
  const server = await startServer({
    name: "ATCR",
    program: Deno.execPath(),
    args: ["run", "-A", "main.ts"],
    cwd: options.checkout ?? ROOT,
    env: {
      ATCR_SERVER_ADDR: host,
      ATCR_DATA_DIR: dataDir,
      ATCR_SANDBOX_PDS_PORT: `${pdsPort}`,
      ATCR_SANDBOX_PLC_PORT: `${plcPort}`,
      NO_COLOR: "1",
      ...options.env,
    },
    // Settings of the person who runs the suite would change what is tested.
    hide: Object.keys(Deno.env.toObject()).filter((name) =>
      name.startsWith("ATCR_")
    ),
    logFile: join(dataDir, "server.out"),
    readyUrl: `http://${host}/readyz`,
    limitMs: START_LIMIT_MS,
  });
  try {
    const pds = `http://localhost:${pdsPort}`;
    const [alice, bob] = await Promise.all([
      account(dataDir, pds, "alice.test"),
      account(dataDir, pds, "bob.test"),
    ]);
    return { ...server, host, port, dataDir, pds, alice, bob };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function account(
  dataDir: string,
  pds: string,
  handle: string,
): Promise<Account> {
  const path = join(dataDir, "sandbox", "sandbox.json");
  const { appPasswords } = sandboxState.parse(
    JSON.parse(await Deno.readTextFile(path)),
  );
  const response = await fetch(
    `${pds}/xrpc/com.atproto.identity.resolveHandle?handle=${handle}`,
  );
  const { did } = resolved.parse(await response.json());
  const appPassword = appPasswords[did];
  if (appPassword === undefined) {
    throw new Error(`The sandbox has no app password of ${handle} (${did})`);
  }
  return { handle, did, appPassword };
}
