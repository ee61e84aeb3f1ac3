/**
 * `login`: gets a device secret, approved by the user in a browser.
 *
 * @module
 */

import { Accounts } from "./accounts.ts";
import { isConfigured } from "./docker_config.ts";
import type { Machine } from "./machine.ts";
import type { RegistryAddress } from "./registry_address.ts";
import { awaitApproval, requestDevice, revokeDevice } from "./registry_api.ts";

/** Options of {@linkcode login}. */
export interface LoginOptions {
  /** Name of the device in the settings. */
  readonly name: string | undefined;
  /** For example `repository:app:pull,push`. */
  readonly scope: string;
  /** Whether to open a browser on this machine. */
  readonly browser: boolean;
  /** Print the secret instead of storing it. */
  readonly printSecret: boolean;
}

/** Logs in to a registry. Throws `Failure` when that fails. */
export async function login(
  machine: Machine,
  registry: RegistryAddress,
  options: LoginOptions,
): Promise<void> {
  const { host, origin } = registry;
  const pending = await requestDevice(machine, origin, {
    name: options.name ?? `docker on ${machine.hostname}`,
    scope: options.scope,
  });
  const page = safeAddress(pending.verification_uri_complete, origin) ??
    `${origin}/device`;
  machine.say(
    `Open ${page}\nand compare the code: ${pending.user_code}`,
  );
  if (options.browser) openBrowser(machine, page);
  machine.say("Waiting for your approval in the browser …");
  const approved = await awaitApproval(machine, origin, pending);
  const { did, handle, access_token: secret } = approved;
  if (options.printSecret) {
    machine.say(`Approved for ${handle}. Use this as the password:`);
    machine.print(secret);
    return;
  }
  const accounts = new Accounts(machine);
  await giveUpFormer(machine, accounts, registry, did);
  await accounts.put(host, { server: host, origin }, {
    id: did,
    name: handle,
    username: handle,
    kind: "device",
    expiresAt: new Date(machine.now() + approved.expires_in * 1000)
      .toISOString(),
  }, secret);
  machine.say(`Logged in to ${host} as ${handle}.`);
  if (!await isConfigured(machine, host)) {
    machine.say(
      `Docker does not use this login yet. Run: docker-credential-atcr configure-docker ${host}`,
    );
  }
}

/** Revokes this machine's previous secret of the same account. */
async function giveUpFormer(
  machine: Machine,
  accounts: Accounts,
  { host, origin }: RegistryAddress,
  did: string,
): Promise<void> {
  const former = (await accounts.registries())[host]?.accounts
    .find(({ id, kind }) => id === did && kind === "device");
  if (!former) return;
  const secret = await accounts.secretOf(host, former);
  if (secret !== undefined) await revokeDevice(machine, origin, secret);
  await accounts.remove(host, former);
}

/** The page's address, if a browser may be sent there: web pages only. */
function safeAddress(text: string, origin: string): string | undefined {
  const url = URL.parse(text, origin);
  return url && /^https?:$/.test(url.protocol) ? url.href : undefined;
}

function openBrowser(machine: Machine, page: string): void {
  const { platform, env } = machine;
  if (platform === "darwin") return machine.start("open", [page]);
  if (platform === "win32") {
    // Not cmd.exe, where & is special.
    return machine.start("rundll32", ["url.dll,FileProtocolHandler", page]);
  }
  if (env.DISPLAY || env.WAYLAND_DISPLAY) machine.start("xdg-open", [page]);
}
