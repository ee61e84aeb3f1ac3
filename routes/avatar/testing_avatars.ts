/**
 * Avatar routes with rendering on the main thread, for tests.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import {
  type AvatarOptions,
  DEFAULT_AVATAR_OPTIONS,
} from "../../lib/avatar/options.ts";
import { perform } from "../../lib/avatar/pool/lane.ts";
import { type AvatarDeps, AvatarService } from "../../lib/avatar/service.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { avatarRoutes, type AvatarRoutesOptions } from "./avatar.ts";
import type { AppEnv } from "../middleware.ts";
import { createTestApp } from "../testing_app.ts";
import { silentLogger } from "../../lib/testing_log.ts";

/** Base URL of the pictures. */
export const BASE = "https://pics.example.com";

/** An app with the routes; service and store are closed with it. */
export interface TestAvatars extends Disposable {
  readonly app: Hono<AppEnv>;
}

/** Starts the service with the test's dependencies. */
export async function openAvatars(
  deps: Pick<AvatarDeps, "kv" | "clock" | "identities" | "pds">,
  options: Partial<AvatarOptions> = {},
  routes: Partial<AvatarRoutesOptions> = {},
): Promise<TestAvatars> {
  const service = new AvatarService(
    {
      ...deps,
      log: silentLogger,
      store: new MemoryBlobStore(deps.clock),
      openLane: () => ({ ready: Promise.resolve(), run: perform, close() {} }),
    },
    {
      ...DEFAULT_AVATAR_OPTIONS,
      baseUrl: BASE,
      pool: { ...DEFAULT_AVATAR_OPTIONS.pool, lanes: 1 },
      ...options,
    },
  );
  await service.start();
  const app = createTestApp();
  app.route(
    "/",
    avatarRoutes(service, {
      indexPath: "/",
      addressOf: () => "192.0.2.1",
      ...routes,
    }),
  );
  return {
    app,
    [Symbol.dispose]: () => {
      service.close();
      deps.kv.close();
    },
  };
}
