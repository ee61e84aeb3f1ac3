/**
 * Other registry programs of the machine, started on the loopback address with
 * the file system as their storage and without login.
 *
 * @module
 */

import { join } from "node:path";
import { run } from "./command.ts";
import { BIN_DIR, findProgram } from "./paths.ts";
import { freePorts } from "./ports.ts";
import { type Server, startServer } from "./server.ts";

/** A kind of registry that can be started. */
export interface Peer {
  /** Name in tables. */
  readonly name: string;
  readonly version: string;
  /** Whether it serves the referrers API. */
  readonly referrers: boolean;
  /** Starts it on an empty or known folder, on `port` or a free one. */
  start(dataDir: string, port?: number): Promise<PeerServer>;
}

/** A running registry. */
export interface PeerServer extends Server {
  /** Host and port. */
  readonly host: string;
  readonly port: number;
}

/** The peers that are installed, in a fixed order. */
export async function findPeers(): Promise<Peer[]> {
  const debian = await findProgram("docker-registry");
  const distribution = await installed("distribution");
  const zot = await findProgram("zot");
  return [
    ...(debian === undefined
      ? []
      : [await distributionPeer("docker-registry", debian)]),
    ...(distribution === undefined
      ? []
      : [await distributionPeer("distribution", distribution)]),
    ...(zot === undefined ? [] : [await zotPeer(zot)]),
  ];
}

/** A program of this name on PATH could be anything. */
async function installed(name: string): Promise<string | undefined> {
  const path = await findProgram(name);
  return path === join(BIN_DIR, name) ? path : undefined;
}

async function distributionPeer(name: string, program: string): Promise<Peer> {
  const { stdout, stderr } = await run(program, ["--version"]);
  const stamp = await Deno.readTextFile(`${program}.version`).catch(() => "");
  return {
    name,
    version: stamp || (/\bv?\d+\.\d+\.\S*/.exec(stdout + stderr)?.[0] ?? "?"),
    referrers: false,
    async start(dataDir, port = onePort()) {
      await Deno.mkdir(dataDir, { recursive: true });
      const config = join(dataDir, "registry.yml");
      await Deno.writeTextFile(
        config,
        `version: 0.1
log: { level: warn, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: ${dataDir}/registry }
  delete: { enabled: true }
  cache: { blobdescriptor: inmemory }
http: { addr: "127.0.0.1:${port}", secret: test }
`,
      );
      return await started(name, program, ["serve", config], dataDir, port);
    },
  };
}

async function zotPeer(program: string): Promise<Peer> {
  const stamp = await Deno.readTextFile(`${program}.version`).catch(() => "");
  return {
    name: "zot",
    version: stamp || "as found",
    referrers: true,
    async start(dataDir, port = onePort()) {
      await Deno.mkdir(dataDir, { recursive: true });
      const config = join(dataDir, "zot.json");
      await Deno.writeTextFile(
        config,
        JSON.stringify({
          distSpecVersion: "1.1.1",
          storage: { rootDirectory: `${dataDir}/zot`, gc: false },
          http: {
            address: "127.0.0.1",
            port: `${port}`,
            compat: ["docker2s2"],
          },
          log: { level: "error" },
        }),
      );
      return await started("zot", program, ["serve", config], dataDir, port);
    },
  };
}

async function started(
  name: string,
  program: string,
  args: readonly string[],
  dataDir: string,
  port: number,
): Promise<PeerServer> {
  const host = `127.0.0.1:${port}`;
  const server = await startServer({
    name,
    program,
    args,
    // docker-registry reads podman's variable as a setting of its own.
    hide: ["REGISTRY_AUTH_FILE"],
    logFile: join(dataDir, "server.out"),
    readyUrl: `http://${host}/v2/`,
  });
  return { ...server, host, port };
}

function onePort(): number {
  const [port = 0] = freePorts(1);
  return port;
}
