/**
 * The sandbox network as a program. Prints one JSON line when it is ready, or
 * `{"failed": "…"}` when the start failed; ends when standard input is closed
 * and on SIGTERM or SIGINT.
 *
 * Environment:
 *
 * - `ATCR_SANDBOX_DATA_DIR`: data folder
 * - `ATCR_SANDBOX_PDS_PORT`, `ATCR_SANDBOX_PLC_PORT`: ports; by default or with
 *   0, free ones are picked at the first start and kept
 * - `ATCR_SANDBOX_CLIENT`:
 *   `https://registry.example.org=http://127.0.0.1:5000`, public address of an
 *   OAuth client and its actual address; none by default
 * - `ATCR_SANDBOX_HOSTS`: origins of other hosts of repos that the relay follows,
 *   separated by commas; none by default
 *
 * @module
 */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureAccounts, moveAccounts } from "./accounts.ts";
import { StartFailure } from "./failure.ts";
import { type ClientAddress, PDS_FOLDER, startNetwork } from "./network.ts";
import { isFree, loopbackAddresses, pickPort } from "./ports.ts";
import { startRelay } from "./relay.ts";
import { type State, StateFile } from "./state.ts";

/** How long to wait for a sandbox that is just ending. */
const LOCK_LIMIT_MS = 10_000;
const LOCK_POLL_MS = 50;
/** Time for a clean shutdown; the data is safe without one. */
const STOP_LIMIT_MS = 3_000;

/** The settings, from the environment. */
interface Settings {
  readonly dataDir: string;
  readonly pdsPort: number | undefined;
  readonly plcPort: number | undefined;
  readonly client: ClientAddress | undefined;
  readonly hosts: readonly string[];
}

function readSettings(): Settings {
  const dataDir = Deno.env.get("ATCR_SANDBOX_DATA_DIR");
  if (!dataDir) throw new StartFailure("ATCR_SANDBOX_DATA_DIR is not set.");
  return {
    dataDir,
    pdsPort: readPort("ATCR_SANDBOX_PDS_PORT"),
    plcPort: readPort("ATCR_SANDBOX_PLC_PORT"),
    client: readClient("ATCR_SANDBOX_CLIENT"),
    hosts: (Deno.env.get("ATCR_SANDBOX_HOSTS") ?? "").split(",")
      .filter((host) => host !== ""),
  };
}

function readClient(name: string): ClientAddress | undefined {
  const value = Deno.env.get(name) ?? "";
  if (value === "") return undefined;
  const [origin, at] = value.split("=");
  if (origin && at && URL.canParse(origin) && URL.canParse(at)) {
    return { origin, at };
  }
  throw new StartFailure(`${name} is "${value}", which is not two addresses.`);
}

function readPort(name: string): number | undefined {
  const value = Deno.env.get(name) ?? "";
  if (value === "" || value === "0") return undefined;
  if (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535) {
    return Number(value);
  }
  throw new StartFailure(`${name} is "${value}", which is not a port.`);
}

/** Starts everything; returns the object of the ready line and a function to stop. */
async function start(settings: Settings) {
  const { dataDir, pdsPort, plcPort, client, hosts } = settings;
  await lock(dataDir);
  const file = await StateFile.open(dataDir);
  const addresses = loopbackAddresses();
  const ports = choosePorts(file.value, pdsPort, plcPort, addresses);
  await file.update(ports);
  await dropHalfMadePds(dataDir, file.value);

  const network = await startNetwork({
    dataDir,
    state: file.value,
    addresses,
    client,
    ...ports,
  });
  const pds = `http://localhost:${ports.pdsPort}`;
  await moveAccounts(network, pds);
  const accounts = await ensureAccounts(pds, file);
  const relay = startRelay(
    { pds: network.pds, hosts },
    ports.relayPort,
    addresses,
  );
  return {
    ready: {
      pds,
      plc: `http://localhost:${ports.plcPort}`,
      relay: `http://localhost:${ports.relayPort}`,
      ...ports,
      accounts,
    },
    stop: async () => {
      await relay.stop();
      await network.stop();
    },
  };
}

/**
 * Deletes the PDS's data when no start has created an account yet. The PDS
 * creates its tables one by one, outside of a transaction, and fails for ever
 * on tables left by a kill. If an account's folder exists, nothing is deleted,
 * regardless of the state file.
 */
async function dropHalfMadePds(dataDir: string, state: State): Promise<void> {
  if (Object.keys(state.appPasswords).length > 0) return;
  const pds = join(dataDir, PDS_FOLDER);
  if (existsSync(join(pds, "actors"))) return;
  await rm(pds, { recursive: true, force: true });
}

/** Locks the folder against a second sandbox, for the life of this process. */
async function lock(dataDir: string): Promise<void> {
  const path = join(dataDir, "lock");
  const file = await Deno.open(path, {
    write: true,
    create: true,
    mode: 0o600,
  });
  const deadline = Date.now() + LOCK_LIMIT_MS;
  while (!await file.tryLock(true)) {
    if (Date.now() > deadline) {
      throw new StartFailure(
        `Another sandbox network is running on ${dataDir}. Stop it, or set ` +
          "another data folder.",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
  }
}

/**
 * The ports to use: the given ones, else those of the last start, else free
 * ones. Only the PDS's port must stay, because DID documents contain it.
 */
function choosePorts(
  last: State,
  wantedPds: number | undefined,
  wantedPlc: number | undefined,
  addresses: readonly string[],
): { pdsPort: number; plcPort: number; relayPort: number } {
  const keep = (port: number | undefined, ...taken: (number | undefined)[]) =>
    port !== undefined && !taken.includes(port) && isFree(port, addresses)
      ? port
      : pickPort(addresses, taken);
  const pdsPort = wantedPds ?? last.pdsPort ??
    pickPort(addresses, [wantedPlc]);
  if (!isFree(pdsPort, addresses)) {
    throw portTaken("PDS", pdsPort, "ATCR_SANDBOX_PDS_PORT");
  }
  if (wantedPlc !== undefined) {
    if (wantedPlc === pdsPort || !isFree(wantedPlc, addresses)) {
      throw portTaken("PLC directory", wantedPlc, "ATCR_SANDBOX_PLC_PORT");
    }
  }
  const plcPort = wantedPlc ?? keep(last.plcPort, pdsPort);
  const relayPort = keep(last.relayPort, pdsPort, plcPort);
  return { pdsPort, plcPort, relayPort };
}

function portTaken(server: string, port: number, setting: string) {
  return new StartFailure(
    `The sandbox's ${server} cannot listen on port ${port}: another program ` +
      `has it, or this user may not use it. Stop that program, or set ` +
      `${setting} to a free port.`,
  );
}

/** Resolves when this process should end. */
function endOfLife(): Promise<void> {
  return new Promise((resolve) => {
    Deno.addSignalListener("SIGINT", () => resolve());
    if (Deno.build.os !== "windows") {
      Deno.addSignalListener("SIGTERM", () => resolve());
    }
    // Standard input is a pipe from the parent and ends with it.
    Deno.stdin.readable.pipeTo(new WritableStream()).then(resolve, resolve);
  });
}

function print(value: unknown): Promise<number> {
  return Deno.stdout.write(
    new TextEncoder().encode(`${JSON.stringify(value)}\n`),
  );
}

Deno.env.set("LOG_ENABLED", Deno.env.get("LOG_ENABLED") ?? "false");
const ended = endOfLife();
try {
  const running = await Promise.race([start(readSettings()), ended]);
  if (running) {
    await print(running.ready);
    await ended;
    const limit = new Promise((resolve) => setTimeout(resolve, STOP_LIMIT_MS));
    await Promise.race([running.stop(), limit]);
  }
  Deno.exit(0);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof StartFailure)) {
    const trace = error instanceof Error ? error.stack : message;
    Deno.stderr.writeSync(new TextEncoder().encode(`${trace}\n`));
  }
  await print({ failed: message });
  Deno.exit(1);
}
