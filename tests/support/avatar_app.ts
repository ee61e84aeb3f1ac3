/**
 * The program with the avatar role, listening, over accounts without a network.
 *
 * @module
 */

import { loadConfig } from "../../lib/config/config.ts";
import { createContext } from "../../lib/context.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { createApp } from "../../routes/app.ts";
import { listen } from "../../routes/server/serve.ts";
import type { FakeNetwork } from "./avatar_network.ts";
import { freePort } from "../tools/ports.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

/** A running program. */
export interface AvatarApp extends AsyncDisposable {
  readonly origin: string;
  /** Sends a request; redirects are not followed. */
  get(path: string): Promise<Response>;
}

/** Starts it with everything in memory; `env` adds settings. */
export async function startAvatarApp(
  network: FakeNetwork,
  env: Readonly<Record<string, string>> = {},
): Promise<AvatarApp> {
  const port = freePort();
  const origin = `http://127.0.0.1:${port}`;
  const config = loadConfig({
    args: [],
    env: {
      ATCR_SERVER_ROLES: "avatar",
      ATCR_SERVER_BASE_URL: origin,
      // Never read or written: key and stores are injected.
      ATCR_DATA_DIR: "/nonexistent",
      ATCR_SECRET_KEY: "YXZhdGFyc2F2YXRhcnNhdmF0YXJzYXZhdGFyc2F2YXQ=",
      ...env,
    },
    readTextFile: (path) => Deno.readTextFileSync(path),
  });
  const ctx = await createContext(config, silentLogger, {
    kv: await openKv(":memory:"),
    store: new MemoryBlobStore(),
    identities: network.identities,
    pds: network.pds,
  });
  const abort = new AbortController();
  const listening = ctx.streams.run(abort.signal);
  const app = createApp(ctx, { stopping: () => false, denoServe: false });
  const server = await listen({
    hostname: "127.0.0.1",
    port,
    fetch: app.fetch,
    log: silentLogger,
  });
  return {
    origin,
    get: async (path) => await fetch(origin + path, { redirect: "manual" }),
    [Symbol.asyncDispose]: async () => {
      abort.abort();
      await listening;
      await server.stop(1000);
      ctx.close();
    },
  };
}
