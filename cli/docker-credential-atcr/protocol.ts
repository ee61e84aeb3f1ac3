/**
 * The protocol of docker's credential helpers: a verb as argument, the server
 * or a JSON object on standard input, the response on standard output.
 *
 * @module
 */

import { Accounts, type Registry } from "./accounts.ts";
import { Failure } from "./failure.ts";
import { accountForImages } from "./image_reference.ts";
import type { Machine } from "./machine.ts";
import { revokeDevice } from "./registry_api.ts";
import { serverKey } from "./registry_address.ts";

/** With exactly this response clients continue without login. */
const NOT_FOUND = "credentials not found in native keychain";

/** Docker waits for `erase`; the registry may be unreachable. */
const ERASE_LIMIT_MS = 4_000;

/** Handles `get`: returns the credentials for the server on standard input. Never prompts. */
export async function get(machine: Machine): Promise<void> {
  const server = (await machine.input()).trim();
  const key = serverKey(server);
  const accounts = new Accounts(machine);
  const registry = (await accounts.registries())[key];
  const account = registry && await chooseAccount(machine, key, registry);
  const secret = account && await accounts.secretOf(key, account);
  if (account === undefined || secret === undefined) {
    throw new Failure(NOT_FOUND, { forClient: true });
  }
  machine.print(JSON.stringify({
    ServerURL: server,
    Username: account.username,
    Secret: secret,
  }));
}

/** Handles `store`: stores the credentials of a client's own login. */
export async function store(machine: Machine): Promise<void> {
  const entry = parseEntry(await machine.input());
  const { ServerURL: server, Username: username, Secret: secret } = entry;
  await new Accounts(machine).put(serverKey(server), { server }, {
    id: username,
    name: username,
    username,
    kind: "stored",
  }, secret);
}

/** Handles `erase`: removes everything about the server. Idempotent. */
export async function erase(machine: Machine): Promise<void> {
  const key = serverKey(await machine.input());
  const accounts = new Accounts(machine);
  const registry = (await accounts.registries())[key];
  for (const account of registry?.accounts ?? []) {
    const secret = await accounts.secretOf(key, account);
    if (account.kind === "device" && secret !== undefined && registry?.origin) {
      await revokeDevice(machine, registry.origin, secret, ERASE_LIMIT_MS);
    }
    await accounts.remove(key, account);
  }
}

/** Handles `list`: returns the user name for each server. */
export async function list(machine: Machine): Promise<void> {
  const names: Record<string, string> = {};
  const registries = await new Accounts(machine).registries();
  for (const registry of Object.values(registries)) {
    const account = activeOf(registry);
    if (account) names[registry.server] = account.username;
  }
  machine.print(JSON.stringify(names));
}

/** The account used when the image does not determine it. */
function activeOf(registry: Registry) {
  return registry.accounts.find(({ id }) => id === registry.active);
}

async function chooseAccount(
  machine: Machine,
  key: string,
  registry: Registry,
) {
  const active = activeOf(registry);
  if (registry.accounts.length < 2) return active;
  const args = await machine.callerArgs() ?? [];
  return accountForImages(key, registry.accounts, args) ?? active;
}

function parseEntry(text: string) {
  let entry: unknown;
  try {
    entry = JSON.parse(text);
  } catch {
    // Reported below.
  }
  const fields = entry as Record<string, unknown> | null | undefined;
  const { ServerURL, Username, Secret } = fields ?? {};
  if (
    typeof ServerURL === "string" && ServerURL !== "" &&
    typeof Username === "string" && typeof Secret === "string"
  ) {
    return { ServerURL, Username, Secret };
  }
  throw new Failure(
    "store needs a JSON object with ServerURL, Username and Secret.",
    { forClient: true },
  );
}
