/**
 * The PLC directory and the PDS, started on the loopback addresses.
 *
 * @module
 */

import { once } from "node:events";
import type { Server } from "node:http";
import { join } from "node:path";
import process from "node:process";
import type { PDS } from "@atproto/pds";
import { PlcFileDatabase } from "./plc_database.ts";
import type { State } from "./state.ts";

/** Name of the PDS's folder in the data folder. */
export const PDS_FOLDER = "pds";

/** Both servers, ready for requests. */
export interface Network {
  readonly pds: PDS;
  readonly plcDatabase: PlcFileDatabase;
  /** Closes both servers and their databases. */
  stop(): Promise<void>;
}

/** Options of {@linkcode startNetwork}. */
export interface NetworkOptions {
  readonly dataDir: string;
  readonly state: State;
  readonly pdsPort: number;
  readonly plcPort: number;
  /** Loopback addresses to listen on; at least one. */
  readonly addresses: readonly string[];
  /** See {@linkcode ClientAddress}. */
  readonly client?: ClientAddress | undefined;
}

/**
 * Actual address of a client that the PDS knows by a public address: the
 * documents of a confidential client must be at an https address that looks
 * public.
 */
export interface ClientAddress {
  /** `https://registry.example.org`, as the PDS sees it. */
  readonly origin: string;
  /** `http://127.0.0.1:5000`, its actual address. */
  readonly at: string;
}

/** Starts both servers; resolves when they accept requests. */
export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const { dataDir, state, pdsPort, plcPort, addresses } = options;
  // Before the import, because the PDS captures fetch then.
  if (options.client) redirectFetch(options.client);
  const { PDS, PlcServer, Database } = await importServers();

  const plcDatabase = await PlcFileDatabase.open(
    join(dataDir, "plc.jsonl"),
    Database.mock(),
  );
  const plc = PlcServer.create({ db: plcDatabase, port: plcPort });
  await startOnLoopback(plc, plcPort, addresses);

  const pdsDir = join(dataDir, PDS_FOLDER);
  await Deno.mkdir(pdsDir, { recursive: true, mode: 0o700 });
  const pds = await PDS.fromEnv({
    devMode: true, // plain http, and outputs validated against the lexicons
    serviceName: "Sandbox PDS",
    port: pdsPort,
    dataDirectory: pdsDir,
    blobstoreDiskLocation: join(pdsDir, "blobs"),
    blobstoreDiskTmpLocation: join(pdsDir, "blobs_tmp"),
    jwtSecret: state.jwtSecret,
    adminPassword: state.adminPassword,
    inviteRequired: false,
    serviceHandleDomains: [".test"],
    didPlcUrl: `http://localhost:${plcPort}`,
    plcRotationKeyK256PrivateKeyHex: state.rotationKey,
    // The directory is on a loopback address, which the guard would refuse.
    disableSsrfProtection: true,
  });
  await startOnLoopback(pds, pdsPort, addresses);

  return {
    pds,
    plcDatabase,
    stop: async () => {
      await pds.destroy();
      await plc.destroy();
    },
  };
}

/** Redirects requests for the client's public address to its actual one. */
function redirectFetch({ origin, at }: ClientAddress): void {
  const fetch = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    const { origin: wanted, pathname, search } = new URL(request.url);
    return wanted === origin
      ? fetch(new URL(`${pathname}${search}`, at), { headers: request.headers })
      : fetch(request);
  };
}

/** Imports the servers, which takes most of the start time. */
async function importServers() {
  // The PDS creates its guarded fetch during the import and refuses runtimes
  // that report no undici version, such as Deno. The guard is disabled here
  // anyway.
  Object.defineProperty(process, "versions", {
    value: { ...process.versions, undici: "8.0.0" },
  });
  const [{ PDS }, plcModule] = await Promise.all([
    import("@atproto/pds"),
    import("@did-plc/server"),
  ]);
  // A CommonJS package: at run time its exports are below `default`.
  const { PlcServer, Database } = plcModule
    .default as unknown as typeof plcModule;
  return { PDS, PlcServer, Database };
}

/** An express server of the reference implementation. */
interface ExpressServer {
  readonly app: { listen(port: number, address: string): Server };
  start(): Promise<unknown>;
}

/**
 * Starts `server` on `addresses` only; by default it would listen on every
 * interface. Servers after the first need not be closed: they end with the
 * process.
 */
async function startOnLoopback(
  server: ExpressServer,
  port: number,
  addresses: readonly string[],
): Promise<void> {
  const listen = server.app.listen.bind(server.app);
  const [first = "127.0.0.1", ...others] = addresses;
  Object.assign(server.app, { listen: () => listen(port, first) });
  await server.start();
  for (const address of others) await once(listen(port, address), "listening");
}
