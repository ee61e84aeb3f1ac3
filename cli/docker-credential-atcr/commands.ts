/**
 * The commands of the helper.
 *
 * @module
 */

import { parseArgs } from "node:util";
import {
  type Account,
  Accounts,
  messageOf,
  type Registry,
} from "./accounts.ts";
import { homeRegistry, version } from "./build_info.ts";
import { configureDocker, dockerConfigFile } from "./docker_config.ts";
import { Failure } from "./failure.ts";
import { login } from "./login.ts";
import type { Machine } from "./machine.ts";
import { erase, get, list, store } from "./protocol.ts";
import { deviceState, revokeDevice } from "./registry_api.ts";
import { type RegistryAddress, registryAddress } from "./registry_address.ts";

const USAGE = `docker-credential-atcr logs docker in to ATCR registries.

  login [REGISTRY]              sign in; you approve it in a browser
      --read-only               ask for the right to pull only
      --scope SCOPE             ask for this, as repository:app:pull,push
      --name NAME               name of this machine in your settings
      --no-browser              print the address, open nothing
      --print                   print the secret for use in CI, keep nothing
  logout [REGISTRY] [ACCOUNT]   revoke the secret and forget it
  status                        accounts of this machine and what they may do
  switch [REGISTRY] [ACCOUNT]   choose the account when the image name does not
  configure-docker [REGISTRY]   let docker ask this helper
      --file FILE               another file than docker's config.json
  version

Container clients call get, store, erase and list.
The secrets are in your keychain where docker-credential-osxkeychain, -wincred,
-secretservice or -pass is installed, else in a file that only you can read.`;

const OPTIONS = {
  "read-only": { type: "boolean" },
  "no-browser": { type: "boolean" },
  print: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  scope: { type: "string" },
  name: { type: "string" },
  file: { type: "string" },
} as const;

/** Runs one command and returns the exit code. Throws {@linkcode Failure}. */
export async function runHelper(
  args: readonly string[],
  machine: Machine,
): Promise<number> {
  const { values, positionals } = readArgs(args);
  const [command = "", first, second] = positionals;
  if (values.help || command === "" || command === "help") {
    machine.print(USAGE);
    return command === "" && !values.help ? 1 : 0;
  }
  switch (command) {
    case "get":
      await get(machine);
      return 0;
    case "store":
      await store(machine);
      return 0;
    case "erase":
      await erase(machine);
      return 0;
    case "list":
      await list(machine);
      return 0;
    case "login":
      await login(machine, await chosenRegistry(machine, first), {
        name: values.name,
        scope: values.scope ??
          `repository:*:${values["read-only"] ? "pull" : "pull,push"}`,
        browser: machine.interactive && !values["no-browser"],
        printSecret: values.print ?? false,
      });
      return 0;
    case "logout":
      await logout(machine, first, second);
      return 0;
    case "status":
      return await status(machine);
    case "switch":
      await switchAccount(machine, first, second);
      return 0;
    case "configure-docker":
      await configure(machine, first, values.file);
      return 0;
    case "version":
      machine.print(version);
      return 0;
    default:
      throw new Failure(`There is no command ${command}.\n\n${USAGE}`);
  }
}

function readArgs(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    });
  } catch (error) {
    throw new Failure(`${messageOf(error)}\n\n${USAGE}`);
  }
}

/** The given registry, else the only known one, else the one that served the helper. */
async function chosenRegistry(
  machine: Machine,
  named: string | undefined,
): Promise<RegistryAddress> {
  if (named !== undefined) return registryAddress(named);
  const known = Object.entries(await new Accounts(machine).registries())
    .filter(([, { origin }]) => origin !== undefined);
  const [only] = known;
  if (homeRegistry !== undefined) return registryAddress(homeRegistry);
  if (known.length === 1 && only) return registryAddress(only[0]);
  throw new Failure(
    "Name the registry, for example: docker-credential-atcr login registry.example.com",
  );
}

async function logout(
  machine: Machine,
  first: string | undefined,
  second: string | undefined,
): Promise<void> {
  const accounts = new Accounts(machine);
  const place = await findPlace(machine, accounts, first, second);
  const { key, registry } = place;
  const account = place.account ?? activeAccount(registry);
  const secret = await accounts.secretOf(key, account);
  const revocable = account.kind === "device" && secret !== undefined &&
    registry.origin !== undefined;
  const revoked = !revocable ||
    await revokeDevice(machine, registry.origin ?? "", secret ?? "");
  await accounts.remove(key, account);
  machine.say(`${account.name} is logged out of ${key}.`);
  if (!revoked) {
    machine.say(
      `${registry.origin} could not be reached. Revoke the device in your settings there as well: ${registry.origin}/settings/devices`,
    );
  }
}

async function switchAccount(
  machine: Machine,
  first: string | undefined,
  second: string | undefined,
): Promise<void> {
  const accounts = new Accounts(machine);
  const place = await findPlace(machine, accounts, first, second);
  const { key, registry } = place;
  const others = registry.accounts.filter(({ id }) => id !== registry.active);
  const chosen = place.account ??
    (others.length < 2 ? others[0] : await askAccount(machine, key, registry));
  if (!chosen) {
    throw new Failure(
      `There is only one account for ${key}. Log in with another one first.`,
    );
  }
  await accounts.activate(key, chosen.id);
  machine.say(`${key} is now used as ${chosen.name}.`);
}

async function askAccount(
  machine: Machine,
  key: string,
  { accounts, active }: Registry,
): Promise<Account> {
  const names = accounts.map(({ name }) => name).join(", ");
  if (!machine.interactive) {
    throw new Failure(
      `Name the account: docker-credential-atcr switch ${key} ACCOUNT (one of ${names}).`,
    );
  }
  machine.say(`Accounts for ${key}:`);
  for (const [at, { id, name }] of accounts.entries()) {
    machine.say(`  ${at + 1}  ${name}${id === active ? " (in use)" : ""}`);
  }
  const answer = (await machine.ask("Number or name: ")).trim();
  const chosen = accounts[Number(answer) - 1] ??
    accounts.find(({ name }) => name === answer);
  if (chosen) return chosen;
  throw new Failure(`"${answer}" is not in the list.`);
}

/** Prints the accounts; exit code 1 when there are none. */
async function status(machine: Machine): Promise<number> {
  const accounts = new Accounts(machine);
  const registries = Object.entries(await accounts.registries());
  if (registries.length === 0) {
    machine.print("Not logged in anywhere.");
    return 1;
  }
  for (const [key, registry] of registries) {
    machine.print(key);
    for (const account of registry.accounts) {
      const mark = account.id === registry.active ? "*" : " ";
      const state = await stateOf(machine, accounts, key, registry, account);
      machine.print(`${mark} ${account.name}: ${state}`);
    }
  }
  return 0;
}

async function stateOf(
  machine: Machine,
  accounts: Accounts,
  key: string,
  registry: Registry,
  account: Account,
): Promise<string> {
  const secret = await accounts.secretOf(key, account);
  const place = account.keychain === undefined
    ? "in a file"
    : `in ${account.keychain}`;
  if (secret === undefined) return `the keychain has no secret (${place})`;
  if (account.kind === "stored" || registry.origin === undefined) {
    return `stored by a container client (${place})`;
  }
  try {
    const state = await deviceState(machine, registry.origin, secret);
    if (!state) return "expired or revoked; log in again";
    const until = state.expires_at.slice(0, 10);
    return `${state.scope} until ${until}, as “${state.name}” (${place})`;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return `${error.message} (${place})`;
  }
}

async function configure(
  machine: Machine,
  named: string | undefined,
  file: string = dockerConfigFile(machine),
): Promise<void> {
  const { host } = await chosenRegistry(machine, named);
  const changed = await configureDocker(machine, host, file);
  machine.say(
    changed
      ? `${file} now asks docker-credential-atcr about ${host}.`
      : `${file} asks docker-credential-atcr about ${host} already.`,
  );
}

/** Resolves `[REGISTRY] [ACCOUNT]`; either may be omitted if unambiguous. */
async function findPlace(
  machine: Machine,
  accounts: Accounts,
  first: string | undefined,
  second: string | undefined,
): Promise<{ key: string; registry: Registry; account: Account | undefined }> {
  const registries = Object.entries(await accounts.registries());
  const named = registries.find(([key]) => key === first);
  const [only] = registries;
  if (registries.length === 0) throw new Failure("Not logged in anywhere.");
  const place = named ?? (registries.length === 1 ? only : undefined);
  if (!place) {
    const keys = registries.map(([key]) => key).join(", ");
    throw new Failure(
      first === undefined
        ? `Name the registry: one of ${keys}.`
        : `There is no login for ${first}; there are some for ${keys}.`,
    );
  }
  const [key, registry] = place;
  const wanted = named ? second : first;
  if (wanted === undefined) return { key, registry, account: undefined };
  const account = registry.accounts.find(({ id, name }) =>
    wanted === name || wanted === id
  );
  if (account) return { key, registry, account };
  machine.say(
    `Accounts for ${key}: ${
      registry.accounts.map(({ name }) => name).join(", ")
    }`,
  );
  throw new Failure(`There is no account ${wanted} for ${key}.`);
}

function activeAccount({ accounts, active }: Registry): Account {
  const [first] = accounts;
  const account = accounts.find(({ id }) => id === active) ?? first;
  if (account) return account;
  throw new Failure("Not logged in to that registry.");
}
