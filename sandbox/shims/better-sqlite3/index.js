/**
 * Stands in for the native `better-sqlite3` add-on: the part of its interface
 * that the PDS's query builder (Kysely) calls, on top of `node:sqlite`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";

/**
 * SQLite's extended result codes by the names that better-sqlite3 gives them.
 * The PDS compares these names, to tell a taken handle or a locked database
 * from other failures.
 */
const ERROR_NAMES = new Map([
  [5, "SQLITE_BUSY"],
  [261, "SQLITE_BUSY_RECOVERY"],
  [517, "SQLITE_BUSY_SNAPSHOT"],
  [773, "SQLITE_BUSY_TIMEOUT"],
  [787, "SQLITE_CONSTRAINT_FOREIGNKEY"],
  [1299, "SQLITE_CONSTRAINT_NOTNULL"],
  [1555, "SQLITE_CONSTRAINT_PRIMARYKEY"],
  [2067, "SQLITE_CONSTRAINT_UNIQUE"],
]);

/** Runs `action` and names the errors of `node:sqlite`. */
function withErrorNames(action) {
  try {
    return action();
  } catch (error) {
    const name = ERROR_NAMES.get(error?.errcode);
    if (name !== undefined) error.code = name;
    throw error;
  }
}

/** Turns the BLOB columns of `row` into Buffers, in place and without a copy. */
function withBuffers(row) {
  if (!row) return row;
  for (const [column, value] of Object.entries(row)) {
    if (value instanceof Uint8Array && !Buffer.isBuffer(value)) {
      const { buffer, byteOffset, byteLength } = value;
      row[column] = Buffer.from(buffer, byteOffset, byteLength);
    }
  }
  return row;
}

/** A prepared statement whose parameters are bound by position. */
class Statement {
  #statement;

  constructor(statement) {
    this.#statement = statement;
    /** Whether the statement gives rows. */
    this.reader = statement.columns().length > 0;
  }

  all(parameters = []) {
    return withErrorNames(() =>
      this.#statement.all(...parameters).map(withBuffers)
    );
  }

  run(parameters = []) {
    return withErrorNames(() => this.#statement.run(...parameters));
  }

  *iterate(parameters = []) {
    for (const row of this.#statement.iterate(...parameters)) {
      yield withBuffers(row);
    }
  }
}

/** A database file; `options` of better-sqlite3 are not needed here. */
export default class Database {
  #db;

  constructor(path) {
    this.#db = new DatabaseSync(path);
    this.open = true;
  }

  pragma(source) {
    return withErrorNames(() => this.#db.prepare(`PRAGMA ${source}`).all());
  }

  exec(source) {
    return withErrorNames(() => this.#db.exec(source));
  }

  prepare(source) {
    return new Statement(withErrorNames(() => this.#db.prepare(source)));
  }

  /** Closes the file; a second call does nothing. */
  close() {
    if (!this.open) return;
    this.open = false;
    this.#db.close();
  }
}
