/**
 * Settings whose value depends on others, filled in in one place, and what
 * must not be combined.
 *
 * @module
 */

import { join } from "node:path";
import type { Did } from "../atproto/identity.ts";
import { didWeb, parseListenAddress } from "./kinds.ts";
import type { Settings } from "./schema.ts";
import { deriveAvatarStorage, deriveStorage } from "./derive_storage.ts";
import type { Mistake } from "./config_error.ts";

/** What of the machine matters. */
export interface Platform {
  /** Whether this is Deno Deploy: no disk that stays, a key-value store of its own. */
  readonly deploy: boolean;
}

/** Every setting with its final value, and what follows from them. */
export type Complete = ReturnType<typeof complete>["complete"];

/** Fills in what depends on other settings, and tells what does not go together. */
export function complete(
  settings: Settings,
  platform: Platform,
): { complete: ReturnType<typeof fill>; mistakes: Omit<Mistake, "source">[] } {
  const filled = fill(settings, platform);
  return {
    complete: filled,
    mistakes: contradictions(settings, filled, platform),
  };
}

function fill(settings: Settings, platform: Platform) {
  const { server, sandbox, hold, kv } = settings;
  const runs = (role: "registry" | "hold" | "avatar") =>
    server.roles.includes(role);
  const address = parseListenAddress(server.addr) ??
    { hostname: undefined, port: 5000 };
  const baseUrl = server.base_url ??
    (runs("registry") ? undefined : hold.public_url) ??
    `http://${loopbackName(address.hostname)}:${address.port}`;
  const holdUrl = hold.public_url ?? baseUrl;
  const isPublic = !isLoopback(baseUrl) ||
    (runs("hold") && !isLoopback(holdUrl));
  const sandboxed = sandbox.enabled === "auto"
    ? runs("registry") && !isPublic && !platform.deploy
    : sandbox.enabled;
  const method = hold.did_method ??
    (hold.did?.startsWith("did:plc:") ? "plc" : "web");
  const did: Did | undefined = hold.did ??
    (method === "web" ? didWeb(new URL(holdUrl).host) : undefined);
  const storage = deriveStorage(settings);
  return {
    ...settings,
    kv: {
      ...kv,
      /** What to give to `openKv`. */
      location: kv.url ||
        (platform.deploy ? undefined : join(settings.data_dir, "kv.sqlite3")),
    },
    server: {
      ...server,
      base_url: baseUrl,
      /** Whether anything is reached from other machines. */
      public: isPublic,
      /** Where to listen, from `addr`. */
      listen: {
        // The sandbox's passwords are known to everybody.
        hostname: address.hostname ?? (sandboxed ? "127.0.0.1" : "0.0.0.0"),
        port: address.port,
      },
      default_hold_did: server.default_hold_did ??
        (runs("hold") ? did : undefined),
      registry_domains: server.registry_domains ?? [new URL(baseUrl).host],
    },
    oauth: {
      allow_transition_scope: settings.oauth.allow_transition_scope ??
        server.test_mode,
    },
    sandbox: { ...sandbox, enabled: sandboxed },
    hold: {
      ...hold,
      public_url: holdUrl,
      public: hold.public ?? sandboxed,
      owner: hold.owner ?? (sandboxed ? "alice.test" : undefined),
      allow_all_crew: hold.allow_all_crew ?? sandboxed,
      did_method: method,
      did,
    },
    storage,
    avatar: {
      ...settings.avatar,
      /** Where avatars are kept: their own bucket, else where the blobs are. */
      storage: deriveAvatarStorage(settings, storage),
    },
  };
}

function contradictions(
  settings: Settings,
  filled: ReturnType<typeof fill>,
  platform: Platform,
): Omit<Mistake, "source">[] {
  const mistakes: Omit<Mistake, "source">[] = [];
  const refuse = (bad: boolean, setting: string, message: string) => {
    if (bad) mistakes.push({ setting, message });
  };
  const { server, sandbox, hold, storage, avatar } = filled;
  const runsHold = server.roles.includes("hold");
  const ports = [server.listen.port, sandbox.pds_port, sandbox.plc_port];

  refuse(
    server.roles.length === 0,
    "server.roles",
    "is empty; name at least one of registry, hold, avatar",
  );
  refuse(
    server.public && settings.secret_key === undefined,
    "secret_key",
    "is required with a public address; openssl rand -base64 32 makes one",
  );
  refuse(
    sandbox.enabled && server.public,
    "sandbox.enabled",
    "must be off with a public address, because everybody knows the " +
      "sandbox's passwords",
  );
  refuse(
    sandbox.enabled &&
      new Set(ports).size < 3,
    "sandbox.pds_port",
    "must differ from sandbox.plc_port and from the port of server.addr",
  );
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
    avatar.jetstream_url !== undefined &&
      open(avatar.jetstream_url.replace(/^ws/, "http")),
    "avatar.jetstream_url",
    "must begin with wss:// outside the machine itself; server.test_mode " +
      "allows ws",
  );
  refuse(
    server.roles.includes("registry") && !runsHold &&
      server.default_hold_did === undefined,
    "server.default_hold_did",
    "is required where the registry runs without a hold",
  );
  refuse(
    hold.did !== undefined && !hold.did.startsWith(`did:${hold.did_method}:`),
    "hold.did_method",
    `${hold.did_method} does not go with hold.did ${hold.did}`,
  );
  refuse(
    hold.quota.default_tier !== undefined &&
      !Object.hasOwn(hold.quota.tiers, hold.quota.default_tier),
    "hold.quota.default_tier",
    `${hold.quota.default_tier} is not one of hold.quota.tiers`,
  );
  refuse(
    hold.gc.enabled && runsHold && server.roles.includes("registry") &&
      !settings.registry.notify_holds,
    "hold.gc.enabled",
    "needs registry.notify_holds, or what is pushed would be taken for " +
      "garbage",
  );
  refuse(
    storage.driver === "s3" && storage.s3.bucket === undefined,
    "storage.s3.bucket",
    "is required with the s3 driver",
  );
  const halfAKey = (s3: Settings["avatar"]["s3"]) =>
    (s3.access_key_id === undefined) !== (s3.secret_access_key === undefined);
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
    platform.deploy &&
      (runsHold ? storage : avatar.storage).driver === "filesystem",
    "storage.driver",
    "must be s3 on Deno Deploy, which has no disk that stays",
  );
  refuse(
    platform.deploy && !server.public,
    "server.base_url",
    "must be the public address on Deno Deploy",
  );
  return mistakes;
}

/** Whether an address reaches only the machine itself. */
function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}

/** The name under which a listener is reached from the machine itself. */
function loopbackName(hostname: string | undefined): string {
  if (hostname === undefined || /^(0\.0\.0\.0|::)$/.test(hostname)) {
    return "localhost";
  }
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
