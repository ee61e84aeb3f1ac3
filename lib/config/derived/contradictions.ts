/**
 * Conflicting settings, and settings that others require.
 *
 * @module
 */

import { accentProblem } from "../../branding/accent.ts";
import type { Mistake } from "../config_error.ts";
import type { Complete, Machine } from "./derive.ts";
import { isLoopback } from "./loopback.ts";
import type { Settings } from "../schema.ts";

/** A conflicting setting, and a sentence that continues after its name. */
export type Contradiction = Omit<Mistake, "source">;

/** Reports the setting when `bad`. */
type Refuse = (bad: boolean, setting: string, message: string) => void;

/** The settings as given, and with defaults filled in. */
interface Given {
  readonly settings: Settings;
  readonly filled: Complete;
  readonly platform: Machine;
}

/** Returns all conflicts in `filled`, which was derived from `settings`. */
export function contradictions(
  settings: Settings,
  filled: Complete,
  platform: Machine,
): Contradiction[] {
  const found: Contradiction[] = [];
  const refuse: Refuse = (bad, setting, message) => {
    if (bad) found.push({ setting, message });
  };
  const given = { settings, filled, platform };
  checkServer(given, refuse);
  checkAddresses(given, refuse);
  checkHold(given, refuse);
  checkStorage(given, refuse);
  checkLogShipper(given, refuse);
  checkDeploy(given, refuse);
  checkPages(given, refuse);
  return found;
}

function checkServer({ settings, filled }: Given, refuse: Refuse): void {
  const { server, sandbox } = filled;
  const ports = [server.listen.port, sandbox.pds_port, sandbox.plc_port];
  refuse(
    server.roles.length === 0,
    "server.roles",
    "is empty; name at least one of registry, hold, avatar",
  );
  refuse(
    server.public && settings.secret_key === undefined &&
      !keepsSecret(settings),
    "secret_key",
    "is required with a public address, unless data_dir is set and has the " +
      "key-value store; openssl rand -base64 32 makes one",
  );
  refuse(
    sandbox.enabled && server.public,
    "sandbox.enabled",
    "must be off with a public address, because everybody knows the " +
      "sandbox's passwords",
  );
  refuse(
    sandbox.enabled && new Set(ports).size < ports.length,
    "sandbox.pds_port",
    "must differ from sandbox.plc_port and from the port of server.addr",
  );
  refuse(
    server.roles.includes("registry") && !server.roles.includes("hold") &&
      server.default_hold_did === undefined,
    "server.default_hold_did",
    "is required where the registry runs without a hold",
  );
}

/** Whether data_dir was chosen for what stays: a secret made there is lost only together with what it encrypts. */
function keepsSecret({ data_dir, kv }: Settings): boolean {
  return data_dir !== undefined && kv.url === undefined;
}

function checkAddresses({ settings, filled }: Given, refuse: Refuse): void {
  const { server, hold, avatar, index } = filled;
  const open = (url: string) =>
    url.startsWith("http:") && !isLoopback(url) && !server.test_mode;
  const needsHttps = "must begin with https:// outside the machine itself; " +
    "server.test_mode allows http";
  refuse(open(server.base_url), "server.base_url", needsHttps);
  refuse(
    settings.hold.public_url !== undefined && open(hold.public_url),
    "hold.public_url",
    needsHttps,
  );
  refuse(
    index.relay_url !== undefined && open(index.relay_url),
    "index.relay_url",
    needsHttps,
  );
  refuse(
    index.jetstream_urls.some((url) => open(url.replace(/^ws/, "http"))),
    "index.jetstream_urls",
    "must begin with wss:// outside the machine itself; server.test_mode " +
      "allows ws",
  );
  refuse(
    avatar.jetstream_url !== undefined &&
      open(avatar.jetstream_url.replace(/^ws/, "http")),
    "avatar.jetstream_url",
    "must begin with wss:// outside the machine itself; server.test_mode " +
      "allows ws",
  );
}

function checkHold({ settings, filled }: Given, refuse: Refuse): void {
  const { server, hold } = filled;
  const { default_tier: tier, tiers } = hold.quota;
  refuse(
    hold.did !== undefined && !hold.did.startsWith(`did:${hold.did_method}:`),
    "hold.did_method",
    `${hold.did_method} does not go with hold.did ${hold.did}`,
  );
  refuse(
    tier !== undefined && !Object.hasOwn(tiers, tier),
    "hold.quota.default_tier",
    `${tier} is not one of hold.quota.tiers`,
  );
  refuse(
    hold.gc.enabled && server.roles.includes("hold") &&
      server.roles.includes("registry") && !settings.registry.notify_holds,
    "hold.gc.enabled",
    "needs registry.notify_holds, or what is pushed would be taken for " +
      "garbage",
  );
}

function checkStorage({ settings, filled }: Given, refuse: Refuse): void {
  const { storage, avatar } = filled;
  const halfAKey = (s3: Settings["avatar"]["s3"]) =>
    (s3.access_key_id === undefined) !== (s3.secret_access_key === undefined);
  refuse(
    storage.driver === "s3" && storage.s3.bucket === undefined,
    "storage.s3.bucket",
    "is required with the s3 driver",
  );
  refuse(
    (storage.driver === "s3" || avatar.storage.driver === "s3") &&
      halfAKey(settings.storage.s3),
    "storage.s3.secret_access_key",
    "is needed together with storage.s3.access_key_id, or neither of them",
  );
  refuse(
    halfAKey(settings.avatar.s3),
    "avatar.s3.secret_access_key",
    "is needed together with avatar.s3.access_key_id, or neither of them",
  );
  refuse(
    halfAKey(settings.backup.s3),
    "backup.s3.secret_access_key",
    "is needed together with backup.s3.access_key_id, or neither of them",
  );
  refuse(
    settings.backup.root_dir !== undefined &&
      settings.backup.s3.bucket !== undefined,
    "backup.s3.bucket",
    "and backup.root_dir exclude each other",
  );
}

function checkLogShipper({ settings }: Given, refuse: Refuse): void {
  const { backend, url, username, password } = settings.log_shipper;
  refuse(
    backend !== undefined && url === undefined,
    "log_shipper.url",
    "is required with log_shipper.backend",
  );
  refuse(
    password !== undefined && username === undefined,
    "log_shipper.username",
    "is required with log_shipper.password",
  );
}

function checkDeploy({ filled, platform }: Given, refuse: Refuse): void {
  if (!platform.deploy) return;
  const { server, storage, avatar } = filled;
  const used = server.roles.includes("hold") ? storage : avatar.storage;
  refuse(
    used.driver === "filesystem",
    "storage.driver",
    "must be s3 on Deno Deploy, which has no disk that stays",
  );
  refuse(
    !server.public,
    "server.base_url",
    "must be the public address on Deno Deploy",
  );
}

function checkPages({ filled }: Given, refuse: Refuse): void {
  const { pages, server } = filled;
  const { accent, accent_dark: dark, logo } = pages;
  const inLight = accent && accentProblem(accent, "light");
  refuse(inLight !== undefined, "pages.accent", inLight ?? "");
  const inDark = dark && accentProblem(dark, "dark");
  refuse(inDark !== undefined, "pages.accent_dark", inDark ?? "");
  refuse(
    dark !== undefined && accent === undefined,
    "pages.accent_dark",
    "is for dark pages only; pages.accent is needed with it",
  );
  refuse(
    logo?.startsWith("https://") === true && !server.roles.includes("avatar"),
    "pages.logo",
    "is an address, which only the role avatar fetches; give the path of a file",
  );
}
