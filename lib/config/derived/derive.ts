/**
 * Derives settings whose value depends on others.
 *
 * @module
 */

import { join } from "node:path";
import type { Did } from "../../did.ts";
import { type Contradiction, contradictions } from "./contradictions.ts";
import { isLoopback } from "./loopback.ts";
import { didWeb } from "../kinds.ts";
import { parseListenAddress } from "../listen_address.ts";
import type { Settings } from "../schema.ts";
import { PUBLIC_JETSTREAMS, PUBLIC_RELAY } from "../schema_index.ts";
import {
  deriveAvatarStorage,
  deriveBackupStorage,
  deriveStorage,
} from "./derive_storage.ts";

/** Relevant properties of the machine and its environment. */
export interface Machine {
  /** Whether this is Deno Deploy: no persistent disk, the platform's key-value store. */
  readonly deploy: boolean;
  /** Whether the environment is that of the original avatar service. */
  readonly picturesOnly: boolean;
  /** Whether the configuration says whether a proxy is in front. */
  readonly proxyGiven: boolean;
}

const DEFAULT_DATA_DIR = "./data";

/** Every setting with its final value, and derived values. */
export type Complete = ReturnType<typeof fill>;

/** Fills in derived settings, and reports conflicts. */
export function complete(
  settings: Settings,
  platform: Machine,
): { complete: Complete; mistakes: Contradiction[] } {
  const filled = fill(settings, platform);
  return {
    complete: filled,
    mistakes: contradictions(settings, filled, platform),
  };
}

function fill(settings: Settings, platform: Machine) {
  const { sandbox, hold, kv } = settings;
  const server = {
    ...settings.server,
    ...deriveServer(settings, platform.picturesOnly),
  };
  const runs = (role: Role) => server.roles.includes(role);
  const address = parseListenAddress(server.addr) ??
    { hostname: undefined, port: 5000 };
  const baseUrl = server.base_url ??
    (runs("registry") && !isLocalHold(settings)
      ? undefined
      : hold.public_url) ??
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
  const dataDir = settings.data_dir ?? DEFAULT_DATA_DIR;
  const storage = deriveStorage(settings, dataDir);
  return {
    ...settings,
    data_dir: dataDir,
    kv: {
      ...kv,
      /** Argument for `openKv`. */
      location: kv.url ||
        (platform.deploy ? undefined : join(dataDir, "kv.sqlite3")),
    },
    server: {
      ...server,
      /**
       * Whether a peer with a private address may name its client: the original
       * avatar service runs behind the proxy of its platform, and has no setting
       * that says so.
       */
      near_proxy: platform.picturesOnly && !platform.proxyGiven,
      base_url: baseUrl,
      /** Whether the server is reachable from other machines. */
      public: isPublic,
      /** Where to listen, from `addr`. */
      listen: {
        // The sandbox's passwords are public.
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
      upload_ttl_hours: hold.upload_ttl_hours ??
        settings.registry.upload_ttl_hours,
      did_method: method,
      did,
    },
    storage,
    index: deriveIndex(settings, { isPublic, sandboxed }),
    backup: {
      ...settings.backup,
      storage: deriveBackupStorage(settings, storage),
    },
    avatar: {
      ...settings.avatar,
      /** Storage of avatars: their own bucket, else that of the blobs. */
      storage: deriveAvatarStorage(settings, storage),
    },
  };
}

type Role = "registry" | "hold" | "avatar";

/**
 * What runs, and where it listens. Environments of the original hold and avatar
 * service name neither: an address or a bucket is all that they have.
 */
function deriveServer(
  { server, hold }: Settings,
  picturesOnly: boolean,
): { addr: string; roles: readonly Role[] } {
  const { addr, roles } = server;
  const url = server.base_url === undefined ? hold.public_url : undefined;
  const isAlone = url !== undefined && !isLoopback(url);
  const local = url !== undefined && isLocalHold({ server, hold })
    ? new URL(url).port
    : "";
  if (picturesOnly) return { addr: addr ?? ":8080", roles: ["avatar"] };
  const port = isAlone ? "8080" : local || "5000";
  return {
    addr: addr ?? `:${port}`,
    roles: roles ?? (isAlone ? ["hold"] : ["registry", "hold", "avatar"]),
  };
}

/** Whether a loopback address of the hold is all that is known of the server. */
function isLocalHold(
  { server, hold }: Pick<Settings, "server" | "hold">,
): boolean {
  return server.addr === undefined && server.base_url === undefined &&
    hold.public_url !== undefined && isLoopback(hold.public_url);
}

/** Whether and by which servers the network is followed. */
function deriveIndex(
  { index, server }: Settings,
  { isPublic, sandboxed }: { isPublic: boolean; sandboxed: boolean },
) {
  const { follow, jetstream_urls, relay_url } = index;
  const isGiven = jetstream_urls !== undefined;
  return {
    ...index,
    follow: follow === "auto"
      ? sandboxed || isGiven || isPublic && !server.test_mode
      : follow,
    // The sandbox brings its own.
    jetstream_urls: jetstream_urls ?? (sandboxed ? [] : PUBLIC_JETSTREAMS),
    relay_url: relay_url ?? (sandboxed ? undefined : PUBLIC_RELAY),
  };
}

/** The local name of a listener. */
function loopbackName(hostname: string | undefined): string {
  if (hostname === undefined || /^(0\.0\.0\.0|::)$/.test(hostname)) {
    return "localhost";
  }
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
