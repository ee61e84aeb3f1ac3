/**
 * The accounts of the sandbox network.
 *
 * @module
 */

import type { Network } from "./network.ts";
import type { StateFile } from "./state.ts";

/** An account with its credentials. */
export interface Account {
  readonly handle: string;
  readonly did: string;
  readonly password: string;
  readonly appPassword: string;
}

/** Names of the accounts that every sandbox has. */
const NAMES = ["alice", "bob"];
/** Name of their app password on the PDS. */
const APP_PASSWORD_NAME = "sandbox";
const PAGE = 1000;
const CALL_LIMIT_MS = 20_000;

/**
 * Returns the accounts, and creates missing ones. If interrupted, the next run
 * completes the work.
 *
 * @param pds origin of the PDS.
 */
export async function ensureAccounts(
  pds: string,
  state: StateFile,
): Promise<Account[]> {
  const accounts: Account[] = [];
  for (const name of NAMES) {
    const handle = `${name}.test`;
    const password = `${name}-password`;
    const did = await findDid(pds, handle) ??
      await createAccount(pds, name, handle, password);
    const appPassword = state.value.appPasswords[did] ??
      await createAppPassword(pds, handle, password);
    const appPasswords = { ...state.value.appPasswords, [did]: appPassword };
    await state.update({ appPasswords });
    accounts.push({ handle, did, password, appPassword });
  }
  return accounts;
}

/**
 * Writes the PDS's current URL into the DID document of every account with
 * another one, which happens after a change of the port.
 */
export async function moveAccounts(
  { pds, plcDatabase }: Network,
  origin: string,
): Promise<void> {
  for await (const did of listDids(origin)) {
    const last = await plcDatabase.lastOpForDid(did);
    if (last?.type !== "plc_operation") continue;
    if (last.services["atproto_pds"]?.endpoint === origin) continue;
    const { plcClient, plcRotationKey, idResolver, sequencer } = pds.ctx;
    await plcClient.updatePds(did, plcRotationKey, origin);
    await idResolver.did.resolve(did, true); // replaces the cached document
    await sequencer.sequenceIdentity(did as `did:plc:${string}`);
  }
}

/** DIDs of all accounts of the PDS. */
async function* listDids(pds: string): AsyncGenerator<string> {
  let cursor: string | undefined;
  do {
    const page = await call(pds, "com.atproto.sync.listRepos", {
      query: { limit: `${PAGE}`, ...(cursor === undefined ? {} : { cursor }) },
    });
    const repos = page["repos"];
    if (!Array.isArray(repos)) throw new Error("listRepos gave no repos");
    for (const repo of repos) yield String(repo.did);
    cursor = page["cursor"] === undefined ? undefined : String(page["cursor"]);
  } while (cursor !== undefined);
}

async function findDid(
  pds: string,
  handle: string,
): Promise<string | undefined> {
  try {
    const answer = await call(pds, "com.atproto.identity.resolveHandle", {
      query: { handle },
    });
    return text(answer, "did");
  } catch (error) {
    if (error instanceof CallError && error.code === "HandleNotFound") {
      return undefined;
    }
    throw error;
  }
}

async function createAccount(
  pds: string,
  name: string,
  handle: string,
  password: string,
): Promise<string> {
  const email = `${name}@example.com`;
  const answer = await call(pds, "com.atproto.server.createAccount", {
    body: { handle, email, password },
  });
  return text(answer, "did");
}

async function createAppPassword(
  pds: string,
  identifier: string,
  password: string,
): Promise<string> {
  const session = await call(pds, "com.atproto.server.createSession", {
    body: { identifier, password },
  });
  const token = text(session, "accessJwt");
  // One whose secret was lost in a crash would block the name.
  await call(pds, "com.atproto.server.revokeAppPassword", {
    token,
    body: { name: APP_PASSWORD_NAME },
  });
  const created = await call(pds, "com.atproto.server.createAppPassword", {
    token,
    body: { name: APP_PASSWORD_NAME },
  });
  return text(created, "password");
}

/** An XRPC call returned an error. */
class CallError extends Error {
  override readonly name = "CallError";
  /** `error` of the XRPC error body. */
  readonly code: string;

  constructor(method: string, code: string, message: string) {
    super(`${method} failed: ${code}: ${message}`);
    this.code = code;
  }
}

type Json = Record<string, unknown>;

/** Calls an XRPC method: a procedure when there is a body, else a query. */
async function call(
  pds: string,
  method: string,
  { query = {}, body, token }: {
    query?: Record<string, string>;
    body?: Json;
    token?: string;
  },
): Promise<Json> {
  const headers = new Headers();
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  if (body !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(
    `${pds}/xrpc/${method}?${new URLSearchParams(query)}`,
    {
      method: body === undefined ? "GET" : "POST",
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(CALL_LIMIT_MS),
    },
  );
  const content = await response.text();
  const answer: Json = content === "" ? {} : JSON.parse(content);
  if (response.ok) return answer;
  throw new CallError(method, `${answer["error"]}`, `${answer["message"]}`);
}

function text(answer: Json, field: string): string {
  const value = answer[field];
  if (typeof value === "string") return value;
  throw new Error(`The PDS's answer has no "${field}"`);
}
