/**
 * PostgreSQL servers for tests, in temporary folders. Needs `initdb` and
 * `postgres` on the PATH, or Debian's package `postgresql`.
 *
 * @module
 */

import { join } from "node:path";
// @ts-types="@types/pg"
import pg from "pg";
import { run } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { freePorts } from "../tools/ports.ts";
import { until } from "./until.ts";

/** A server in a folder that is removed at disposal. */
export interface PostgresServer extends AsyncDisposable {
  readonly port: number;
  /** Creates an empty database and returns the value for the setting `kv.url`. */
  database(query?: string): Promise<string>;
  /** Address of the database `postgres`, for a person who looks into it. */
  readonly adminUrl: string;
  readonly folder: string;
  start(): Promise<void>;
  /** `fast` ends connections; `immediate` is a crash. */
  stop(mode?: "fast" | "immediate"): Promise<void>;
}

/** Options of {@linkcode startPostgres}. */
export interface PostgresOptions {
  /** Lines added to its configuration. */
  readonly settings?: readonly string[];
  /** Copies this running server and follows it, instead of beginning empty. */
  readonly standbyOf?: PostgresServer;
  /** Puts more files into the data folder before the start. */
  readonly prepare?: (folder: string) => Promise<void>;
  /** It takes only encrypted connections. */
  readonly isTls?: boolean;
}

const programs = await findPrograms();

/** Whether the programs are installed. */
export const hasPostgres = programs !== undefined;

/** Added to the name of a test that is left out without them. */
export const POSTGRES_MISSING = hasPostgres
  ? ""
  : " (left out: PostgreSQL is not installed; see the Debian package postgresql)";

const USER = "atcr";
const SETTINGS = [
  "listen_addresses = '127.0.0.1'",
  "unix_socket_directories = ''",
  "max_connections = 100",
  "max_wal_senders = 4",
];

/** Starts a server and resolves when it answers. */
export async function startPostgres(
  options: PostgresOptions = {},
): Promise<PostgresServer> {
  if (programs === undefined) throw new Error("PostgreSQL is not installed.");
  const account = await serverAccount();
  const parent = await Deno.makeTempDir({ prefix: "atcr-pg-" });
  const folder = join(parent, "data");
  if (account) await Deno.chown(parent, account.uid, account.gid);
  const [port = 0] = freePorts(1);
  const call = async (
    program: "initdb" | "pg_ctl" | "pg_basebackup",
    ...args: string[]
  ) => {
    const { code, stderr, stdout } = await new Deno.Command(programs[program], {
      args,
      cwd: parent,
      stdin: "null",
      ...account,
    }).output();
    if (code === 0) return;
    const text = [stdout, stderr].map((out) => new TextDecoder().decode(out));
    throw new Error(`${program}: ${text.join("\n")}`);
  };
  if (options.standbyOf) {
    const from = `host=127.0.0.1 port=${options.standbyOf.port} user=${USER}`;
    await call("pg_basebackup", "-D", folder, "-R", "-c", "fast", "-d", from);
  } else {
    const trust = ["-A", "trust", "-U", USER];
    const form = ["-E", "UTF8", "--locale=C", "--no-sync"];
    await call("initdb", "-D", folder, ...trust, ...form);
  }
  const settings = [...SETTINGS, ...options.settings ?? []];
  await Deno.writeTextFile(
    join(folder, "postgresql.conf"),
    `${settings.join("\n")}\nport = ${port}\n`,
  );
  await options.prepare?.(folder);
  for (const file of await Array.fromAsync(Deno.readDir(folder))) {
    if (!account || !file.isFile) continue;
    await Deno.chown(join(folder, file.name), account.uid, account.gid);
  }
  const form = options.isTls ? "?sslmode=no-verify" : "";
  const adminUrl = `postgres://${USER}@127.0.0.1:${port}/postgres${form}`;
  const start = async () => {
    const log = join(parent, "log");
    await call("pg_ctl", "-D", folder, "-l", log, "-w", "start");
    await until(() => answers(adminUrl));
  };
  const stop = (mode = "immediate") =>
    call("pg_ctl", "-D", folder, "-m", mode, "-w", "stop");
  await start();
  let databases = 0;
  return {
    port,
    folder,
    adminUrl,
    start,
    stop,
    database: async (query = "") => {
      const name = `kv${databases++}`;
      await administer(adminUrl, `create database ${name}`);
      return `postgres://${USER}@127.0.0.1:${port}/${name}${query}`;
    },
    [Symbol.asyncDispose]: async () => {
      await stop().catch(() => {});
      await Deno.remove(parent, { recursive: true });
    },
  };
}

/** Runs one statement on a connection of its own and returns the rows. */
export async function administer(
  url: string,
  statement: string,
): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

async function answers(url: string): Promise<boolean> {
  return await administer(url, "select 1").then(() => true, () => false);
}

async function findPrograms() {
  const found = new Map<string, string>();
  for (const name of ["initdb", "pg_ctl", "pg_basebackup"]) {
    const path = await findProgram(name) ?? await findDebian(name);
    if (path === undefined) return undefined;
    found.set(name, path);
  }
  const of = (name: string) => found.get(name) ?? name;
  return {
    initdb: of("initdb"),
    pg_ctl: of("pg_ctl"),
    pg_basebackup: of("pg_basebackup"),
  };
}

/** Debian has a folder for each version, none of which is on the PATH. */
async function findDebian(name: string): Promise<string | undefined> {
  const root = "/usr/lib/postgresql";
  const versions = await Array.fromAsync(Deno.readDir(root)).catch(() => []);
  for (const version of versions) {
    const path = join(root, version.name, "bin", name);
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  return undefined;
}

/** The account that runs the server where we are root, which PostgreSQL refuses. */
async function serverAccount(): Promise<
  { uid: number; gid: number } | undefined
> {
  if (Deno.uid() !== 0) return undefined;
  for (const name of ["postgres", "nobody"]) {
    const [uid, gid] = await Promise.all(
      ["-u", "-g"].map((flag) => run("id", [flag, name])),
    ).catch(() => []);
    if (uid && gid) return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  }
  throw new Error("There is no account for PostgreSQL, which refuses root.");
}
