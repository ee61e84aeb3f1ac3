/**
 * Registry and hold as two programs with separate stores, which communicate
 * only over XRPC.
 *
 * @module
 */

import { freePorts } from "../tools/ports.ts";
import { holdDid, holdEnv } from "./hold.ts";
import { type Program, startProgram } from "./program.ts";
import { startServer, type TestServer } from "./server.ts";

/** The two programs. */
export interface Apart extends AsyncDisposable {
  /** The registry, with the sandbox network beside it. */
  readonly registry: TestServer;
  readonly hold: Program;
  /** DID of the hold; alice is its captain. */
  readonly did: string;
}

/** Additional settings. */
export interface ApartOptions {
  readonly registry?: Readonly<Record<string, string>>;
  readonly hold?: Readonly<Record<string, string>>;
  /** Further origins that the registry may reach over http. */
  readonly plainOrigins?: readonly string[];
}

/** Starts the registry, then the hold. */
export async function startApart(options: ApartOptions = {}): Promise<Apart> {
  const [port = 0, ownPort = 0, pdsPort = 0, plcPort = 0] = freePorts(4);
  const did = holdDid(`http://localhost:${port}`);
  const registry = await startServer({
    ports: [ownPort, pdsPort, plcPort],
    env: {
      ATCR_SERVER_ROLES: "registry",
      ATCR_SERVER_TEST_MODE: "true",
      ATCR_SERVER_DEFAULT_HOLD_DID: did,
      ATCR_IDENTITY_PLAIN_ORIGINS: (options.plainOrigins ?? []).join(","),
      ...options.registry,
    },
  });
  try {
    const network = {
      pds: `http://localhost:${pdsPort}`,
      plc: `http://localhost:${plcPort}`,
    };
    const hold = await startProgram({
      port,
      env: { ...holdEnv(network, registry.alice), ...options.hold },
    });
    return {
      registry,
      hold,
      did,
      [Symbol.asyncDispose]: async () => {
        await hold[Symbol.asyncDispose]();
        await registry[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await registry[Symbol.asyncDispose]();
    throw error;
  }
}
