/**
 * The whole program as a black box: started as a child process on free ports
 * with its own data.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { resolve } from "node:path";
import { freePort } from "../tools/ports.ts";
import { readiness } from "./readiness.ts";

/** An account of the server's sandbox network. */
export interface TestAccount {
  readonly handle: string;
  readonly did: string;
  readonly appPassword: string;
}

/** A running server. */
export interface TestServer extends AsyncDisposable {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  readonly dataDir: string;
  /** Of the server, its PDS and its PLC directory; with them and the data it starts again as it was. */
  readonly ports: readonly [number, number, number];
  readonly pds: string;
  readonly alice: TestAccount;
  readonly bob: TestAccount;
  /** The server's log. */
  readonly log: () => string;
  /** Stops the server and keeps its data. */
  stop(signal?: Deno.Signal): Promise<Deno.CommandStatus>;
}

/** Options of {@linkcode startServer}. */
export interface TestServerOptions {
  /** Data of an earlier server; a new folder by default, removed at the end. */
  dataDir?: string;
  /** Ports of an earlier server. */
  ports?: readonly [number, number, number];
  env?: Record<string, string>;
  /** Folder of another checkout whose program is run; this one by default. */
  checkout?: string;
}

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const READY_MS = 180_000;

/** Starts the program and waits until it serves. */
export async function startServer(
  options: TestServerOptions = {},
): Promise<TestServer> {
  const dataDir = options.dataDir ??
    await Deno.makeTempDir({ prefix: "atcr-" });
  const [port, pdsPort, plcPort] = options.ports ??
    [freePort(), freePort(), freePort()];
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      options.checkout === undefined
        ? MAIN
        : resolve(options.checkout, "main.ts"),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: {
      ATCR_SERVER_ADDR: `127.0.0.1:${port}`,
      ATCR_DATA_DIR: dataDir,
      ATCR_SANDBOX_PDS_PORT: String(pdsPort),
      ATCR_SANDBOX_PLC_PORT: String(plcPort),
      ...options.env,
    },
  }).spawn();
  const logged = collect(child.stderr);
  const printed = collect(child.stdout);
  const origin = `http://127.0.0.1:${port}`;
  let ended: Deno.CommandStatus | undefined;
  const status = child.status.then((s) => ended = s);
  const deadline = Date.now() + READY_MS;
  while (!await isReady(origin)) {
    if (ended || Date.now() > deadline) {
      if (!ended) child.kill("SIGKILL");
      throw new Error(`The server did not start:\n${logged.text()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const pds = `http://localhost:${pdsPort}`;
  const accounts = await accountsOf(dataDir, pds);
  const stop = async (signal: Deno.Signal = "SIGTERM") => {
    if (!ended) child.kill(signal);
    const result = await status;
    await Promise.all([logged.done, printed.done]);
    return result;
  };
  return {
    origin,
    host: `127.0.0.1:${port}`,
    port,
    pid: child.pid,
    dataDir,
    ports: [port, pdsPort, plcPort],
    pds,
    ...accounts,
    log: logged.text,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      if (!options.dataDir) await Deno.remove(dataDir, { recursive: true });
    },
  };
}

/** A registry token of `account` for `scopes`; anonymous without an account. */
export async function tokenFor(
  server: Pick<TestServer, "origin">,
  account: TestAccount | undefined,
  ...scopes: string[]
): Promise<string> {
  const url = new URL("/auth/token", server.origin);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  const headers = new Headers();
  if (account) {
    const pair = `${account.handle}:${account.appPassword}`;
    headers.set(
      "authorization",
      `Basic ${Buffer.from(pair).toString("base64")}`,
    );
  }
  const response = await fetch(url, { headers });
  const body = await response.json();
  if (!response.ok) throw new Error(JSON.stringify(body));
  return body.token;
}

async function isReady(origin: string): Promise<boolean> {
  try {
    return (await readiness(origin)).status === 200;
  } catch {
    return false;
  }
}

async function accountsOf(dataDir: string, pds: string) {
  const text = await Deno.readTextFile(`${dataDir}/sandbox/sandbox.json`);
  const state: { appPasswords: Record<string, string> } = JSON.parse(text);
  const find = async (handle: string): Promise<TestAccount> => {
    const method = "com.atproto.identity.resolveHandle";
    const response = await fetch(`${pds}/xrpc/${method}?handle=${handle}`);
    const { did }: { did: string } = await response.json();
    const appPassword = state.appPasswords[did];
    if (!appPassword) throw new Error(`The sandbox has no ${handle}`);
    return { handle, did, appPassword };
  };
  return { alice: await find("alice.test"), bob: await find("bob.test") };
}

function collect(stream: ReadableStream<Uint8Array>) {
  let text = "";
  const done = (async () => {
    const decoder = new TextDecoder();
    for await (const piece of stream) {
      text += decoder.decode(piece, { stream: true });
    }
  })();
  return { text: () => text, done };
}
