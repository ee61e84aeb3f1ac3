/**
 * Independent consumers of a hold's events.
 *
 * @module
 */

import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { startAskedProcess } from "../support/asked_process.ts";
import { SyncVerifier } from "../support/sync_verifier.ts";
import { kill } from "../tools/command.ts";
import { startServer } from "../tools/server.ts";

/** Report of the consumer of the network's library. */
const report = z.object({
  cursor: z.number(),
  /** Path to CID. */
  records: z.record(z.string(), z.string()),
  /** Events by kind. */
  counts: z.record(z.string(), z.number()),
  errors: z.array(z.string()),
  disconnects: z.number(),
});

/** A running consumer. */
export interface LibraryConsumer extends AsyncDisposable {
  report(): Promise<z.output<typeof report>>;
}

/** Starts `@atproto/sync` on the events of `origin`. */
export function startLibraryConsumer(
  origin: string,
  plc: string,
): LibraryConsumer {
  const folder = new URL("consumer/", import.meta.url).pathname;
  const process = startAskedProcess([
    ...["run", "--check", "--frozen", "-A"],
    ...["--config", `${folder}deno.json`, `${folder}main.ts`],
    origin.replace("http", "ws"),
    plc,
  ]);
  return {
    report: async () => report.parse(await process.ask()),
    [Symbol.asyncDispose]: async () => {
      await process.close();
      kill(process.child, "SIGTERM");
      await process.child.status;
    },
  };
}

/** A strict verifier of sync 1.1 on the events of a server, which comes back after each end of the connection. */
export interface StrictConsumer extends AsyncDisposable {
  readonly verifier: SyncVerifier;
  /** Times that the connection was made. */
  readonly connections: number;
  /** The first refused event; later events are ignored. */
  readonly failure: unknown;
}

/** Follows the events of `origin` with `verifier`. */
export function startStrictConsumer(
  origin: string,
  verifier: SyncVerifier,
): StrictConsumer {
  const stopped = new AbortController();
  const state = { connections: 0, failure: undefined as unknown };
  const connect = async (): Promise<void> => {
    const url = new URL("/xrpc/com.atproto.sync.subscribeRepos", origin);
    url.protocol = "ws:";
    url.searchParams.set("cursor", `${verifier.seq ?? 0}`);
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const over = Promise.withResolvers<void>();
    let work: Promise<unknown> = Promise.resolve();
    socket.onopen = () => state.connections++;
    socket.onmessage = ({ data }) => {
      work = work.then(async () => {
        if (state.failure !== undefined) return;
        await verifier.take(new Uint8Array(data));
      }).catch((error) => {
        state.failure ??= error;
      });
    };
    socket.onerror = () => {};
    socket.onclose = () => over.resolve();
    const close = () => socket.close();
    stopped.signal.addEventListener("abort", close);
    await over.promise;
    stopped.signal.removeEventListener("abort", close);
    await work;
  };
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      await connect();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return {
    verifier,
    get connections() {
      return state.connections;
    },
    get failure() {
      return state.failure;
    },
    [Symbol.asyncDispose]: async () => {
      stopped.abort();
      await loop;
    },
  };
}

/** A relay as the network runs them, indigo's, in a folder of its own. */
export interface Relay extends AsyncDisposable {
  readonly origin: string;
  /** What it has logged. */
  log(): Promise<string>;
}

/**
 * Starts the relay `program`, strict about sync 1.1, on the events of
 * `localhost:<holdPort>`. It never takes a host of this machine when it is
 * asked to crawl, so that the host is entered into its database.
 */
export async function startRelay(
  program: string,
  port: number,
  plc: string,
  holdPort: number,
): Promise<Relay> {
  const folder = await Deno.makeTempDir({ prefix: "relay-" });
  const origin = `http://localhost:${port}`;
  const logFile = join(folder, "log");
  const database = join(folder, "relay.sqlite");
  const start = () =>
    startServer({
      name: "relay",
      program,
      args: [
        ...["--plc-host", plc, "serve"],
        ...["--bind", `127.0.0.1:${port}`],
        ...["--metrics-listen", "127.0.0.1:0"],
        ...["--db-url", `sqlite://${database}`],
        ...["--persist-dir", join(folder, "persist")],
        "--allow-insecure-hosts",
      ],
      logFile,
      readyUrl: `${origin}/xrpc/_health`,
    });
  await (await start()).stop();
  const sqlite = new DatabaseSync(database);
  sqlite.prepare(
    `INSERT INTO host (created_at, updated_at, hostname, no_ssl, account_limit,
      trusted, status, last_seq, account_count)
    VALUES (datetime(), datetime(), ?, true, 10, false, 'active', 1, 0)`,
  ).run(`localhost:${holdPort}`);
  sqlite.close();
  const server = await start();
  return {
    origin,
    log: () => Deno.readTextFile(logFile),
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
