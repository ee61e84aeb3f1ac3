/**
 * State of the sandbox besides the data of the two servers: secrets, ports and
 * app passwords, in one small file.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { StartFailure } from "./failure.ts";
import { replaceFile } from "./files.ts";

/** The content of the state file. */
export interface State {
  /** Signs the sessions of the PDS. */
  readonly jwtSecret: string;
  /** Password of the PDS's `admin` user. */
  readonly adminPassword: string;
  /** secp256k1 private key that signs PLC operations, in hex. */
  readonly rotationKey: string;
  /** Port of the PDS; part of every account's DID document. */
  readonly pdsPort?: number;
  /** Port of the PLC directory. */
  readonly plcPort?: number;
  /** Port of the relay. */
  readonly relayPort?: number;
  /** App password of an account, by DID. */
  readonly appPasswords: Readonly<Record<string, string>>;
}

/** The state file of a data folder; created with new secrets when missing. */
export class StateFile {
  readonly #path: string;
  #state: State;

  private constructor(path: string, state: State) {
    this.#path = path;
    this.#state = state;
  }

  /** @throws {StartFailure} when the file exists but cannot be parsed. */
  static async open(dataDir: string): Promise<StateFile> {
    const path = join(dataDir, "sandbox.json");
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      const file = new StateFile(path, freshState());
      await file.update({});
      return file;
    }
    return new StateFile(path, parseState(text, path));
  }

  get value(): State {
    return this.#state;
  }

  /** Changes some fields; resolves once they are on disk. */
  async update(changes: Partial<State>): Promise<void> {
    const state = { ...this.#state, ...changes };
    await replaceFile(this.#path, `${JSON.stringify(state, null, 2)}\n`);
    this.#state = state;
  }
}

function freshState(): State {
  const secret = () => Buffer.from(randomBytes(32)).toString("hex");
  return {
    jwtSecret: secret(),
    adminPassword: secret(),
    // All but 1 in 2^128 values of 32 bytes are valid keys of secp256k1.
    rotationKey: secret(),
    appPasswords: {},
  };
}

function parseState(text: string, path: string): State {
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch {
    throw damaged(path);
  }
  if (!isState(state)) throw damaged(path);
  return state;
}

function damaged(path: string): StartFailure {
  return new StartFailure(
    `The sandbox's state file ${path} is damaged. Restore it, or delete its ` +
      "folder to begin with a fresh sandbox network.",
  );
}

function isState(value: unknown): value is State {
  if (typeof value !== "object" || value === null) return false;
  const state = new Map(Object.entries(value));
  const passwords = state.get("appPasswords");
  return typeof state.get("jwtSecret") === "string" &&
    typeof state.get("adminPassword") === "string" &&
    /^[0-9a-f]{64}$/.test(String(state.get("rotationKey"))) &&
    isPort(state.get("pdsPort")) && isPort(state.get("plcPort")) &&
    isPort(state.get("relayPort")) &&
    typeof passwords === "object" && passwords !== null &&
    Object.values(passwords).every((word) => typeof word === "string");
}

function isPort(value: unknown): boolean {
  return value === undefined || (Number.isInteger(value) && Number(value) > 0);
}
