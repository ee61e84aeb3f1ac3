/**
 * Connections to PostgreSQL: a bounded pool that finds the server which takes
 * writes, and repeats what may be repeated while one restarts.
 *
 * @module
 */

import { readFile } from "node:fs/promises";
// @ts-types="@types/pg"
import pg from "pg";
import { systemClock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { PostgresAddress } from "./address.ts";
import { isConnectingWorthwhile, outcomeOf, translated } from "./failures.ts";

/** Limits of the pool. */
export interface PoolLimits {
  /** Connections of this process; each is a process of the server. */
  readonly size: number;
  /** How long a call may take with all repetitions, in milliseconds. */
  readonly answerMs?: number;
}

/** One statement with its values. */
export interface Statement {
  /** Names the prepared statement. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** A row of a result. */
export type Row = Record<string, unknown>;

/** A connection taken out of the pool. */
export interface Session {
  run(text: string, values?: readonly unknown[]): Promise<Row[]>;
  end(): void;
}

/**
 * Every statement finds its rows by the key. A prepared plan that was made while
 * the table was small must not read all of it later.
 */
const PLANNER = [
  ...["enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off"],
  ...["plan_cache_mode=force_generic_plan", "jit=off"],
].map((option) => `-c ${option}`).join(" ");

/** Time for one call, in milliseconds; as for other remote stores. */
const ANSWER_MS = 15_000;
/** Time for one new connection, in milliseconds. */
const CONNECT_MS = 5_000;
/** An idle connection is closed after this, in milliseconds. */
const IDLE_MS = 60_000;
const LONGEST_PAUSE_MS = 500;

/** A pool of connections to one of the servers of an address. */
export class Connections {
  readonly #pool: pg.Pool;
  readonly #hosts: HostChoice;
  readonly #isPrepared: boolean;
  readonly #answerMs: number;
  #closed: Promise<void> | undefined;

  private constructor(pool: pg.Pool, hosts: HostChoice, options: {
    isPrepared: boolean;
    answerMs: number;
  }) {
    this.#pool = pool;
    this.#hosts = hosts;
    this.#isPrepared = options.isPrepared;
    this.#answerMs = options.answerMs;
  }

  /** Connects to nothing yet. Throws AppError `UNAVAILABLE` when the file of certificates cannot be read. */
  static async create(
    address: PostgresAddress,
    { size, answerMs = ANSWER_MS }: PoolLimits,
  ): Promise<Connections> {
    const hosts = new HostChoice(address);
    const { user, password, database } = address;
    const pool = new pg.Pool({
      ...(user === undefined ? {} : { user }),
      ...(password === undefined ? {} : { password }),
      ...(database === undefined ? {} : { database }),
      ssl: await tlsOptions(address),
      application_name: address.applicationName,
      // Poolers refuse options; they use no prepared plans either.
      ...(address.prepared ? { options: PLANNER } : {}),
      max: size,
      connectionTimeoutMillis: Math.min(CONNECT_MS, answerMs),
      idleTimeoutMillis: IDLE_MS,
      query_timeout: answerMs,
      keepAlive: true,
      Client: hosts.client(),
      verify: (client, done) => {
        requireWritable(client).then(() => done(), done);
      },
    });
    // Without listeners a lost connection would end the process; the next call
    // opens another one.
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    return new Connections(pool, hosts, {
      isPrepared: address.prepared,
      answerMs,
    });
  }

  /** Runs a statement that only reads; repeated whenever the connection is lost. */
  async read(statement: Statement): Promise<Row[]> {
    return await this.#repeat(statement, true);
  }

  /**
   * Runs a statement that writes. Repeated only when the server has certainly
   * done nothing; after AppError `UNAVAILABLE` it may have been applied.
   */
  async write(statement: Statement): Promise<Row[]> {
    return await this.#repeat(statement, false);
  }

  /** Takes a connection for several statements, such as a transaction; end it. */
  async session(): Promise<Session> {
    const client = await this.#connect(systemClock.now() + this.#answerMs);
    return {
      run: async (text, values = []) => {
        try {
          return (await client.query<Row>({ text, values: [...values] })).rows;
        } catch (error) {
          throw translated(error);
        }
      },
      // It may be inside a transaction.
      end: () => client.release(true),
    };
  }

  /** Closes all connections; resolves when they are closed. */
  close(): Promise<void> {
    return this.#closed ??= this.#pool.end();
  }

  async #repeat(statement: Statement, isRead: boolean): Promise<Row[]> {
    const deadline = systemClock.now() + this.#answerMs;
    for (let attempt = 1;; attempt++) {
      const client = await this.#connect(deadline);
      try {
        const { rows } = await client.query<Row>(this.#queryOf(statement));
        client.release();
        return rows;
      } catch (error) {
        const outcome = outcomeOf(error);
        client.release(outcome !== "final");
        const mayRepeat = outcome === "nothing done" ||
          (isRead && outcome === "unknown");
        if (!mayRepeat || systemClock.now() >= deadline) {
          throw translated(error);
        }
      }
      await pause(attempt);
    }
  }

  #queryOf({ name, text, values }: Statement): pg.QueryConfig {
    return this.#isPrepared
      ? { name, text, values: [...values] }
      : { text, values: [...values] };
  }

  async #connect(deadline: number): Promise<pg.PoolClient> {
    for (let attempt = 1;; attempt++) {
      const host = this.#hosts.current;
      try {
        return await this.#pool.connect();
      } catch (error) {
        this.#hosts.failed(host);
        const isOver = this.#closed !== undefined ||
          systemClock.now() >= deadline;
        if (isOver || !isConnectingWorthwhile(error)) throw translated(error);
      }
      await pause(attempt);
    }
  }
}

/** The server in use, of those that an address names. */
class HostChoice {
  readonly #hosts: PostgresAddress["hosts"];
  #at = 0;

  constructor({ hosts }: PostgresAddress) {
    this.#hosts = hosts;
  }

  get current(): number {
    return this.#at;
  }

  /** Goes on to the next server, unless another call already did. */
  failed(index: number): void {
    if (index === this.#at) this.#at = (index + 1) % this.#hosts.length;
  }

  /** A client that connects to the server in use at that time. */
  client(): typeof pg.Client {
    const pick = () => ({ ...this.#hosts[this.#at] });
    return class extends pg.Client {
      constructor(config?: string | pg.ClientConfig) {
        super({ ...(typeof config === "object" ? config : {}), ...pick() });
      }
    };
  }
}

/** Refuses a standby, which only reads. */
async function requireWritable(client: pg.PoolClient): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>(
    "select pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool as standby",
  );
  if (rows[0]?.standby !== false) {
    throw new Error("this PostgreSQL server only reads: it is a standby");
  }
}

async function tlsOptions(
  { tls, rootCertificate }: PostgresAddress,
): Promise<pg.PoolConfig["ssl"]> {
  if (tls === "disable") return false;
  if (tls === "require") return { rejectUnauthorized: false };
  const ca = rootCertificate === undefined || rootCertificate === "system"
    ? {}
    : { ca: await readCertificate(rootCertificate) };
  return tls === "verify-full"
    ? { ...ca, rejectUnauthorized: true }
    : { ...ca, rejectUnauthorized: true, checkServerIdentity: () => undefined };
}

async function readCertificate(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AppError(
      "UNAVAILABLE",
      `The certificates of sslrootcert in kv.url cannot be read: ${path}`,
      { cause },
    );
  }
}

/** Waits before attempt number `attempt` + 1; random, so that instances do not come at once. */
async function pause(attempt: number): Promise<void> {
  const longest = Math.min(LONGEST_PAUSE_MS, 2 ** attempt * 10);
  await systemClock.sleep(longest / 2 + Math.random() * longest / 2);
}
