/**
 * The embedded PDS as a whole: `com.atproto.server.describeServer`, health,
 * and all other methods that make the hold an account of its own.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { AppError } from "../../lib/errors.ts";
import { MAX_BLOB_BYTES } from "../../lib/repo/blobs.ts";
import type { AppEnv } from "../middleware.ts";
import { type IdentityRoutesDeps, mountIdentity } from "./identity.ts";
import { mountRepo, type RepoRoutesDeps } from "./repo.ts";
import { mountQuery } from "./server_methods.ts";
import { mountSync, type SyncRoutesDeps } from "./sync.ts";

/** What the embedded PDS needs. */
export type PdsRoutesDeps =
  & SyncRoutesDeps
  & RepoRoutesDeps
  & IdentityRoutesDeps
  & {
    /** Version of this program. */
    readonly version: string;
    /** Pages that describe the service, where they exist; URLs. */
    readonly links?: { privacyPolicy?: string; termsOfService?: string };
    /** Whom to write to. */
    readonly contactEmail?: string;
  };

/** The routes, to be mounted at `/xrpc`. */
export function createPdsRoutes(deps: PdsRoutesDeps): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  mountSync(app, deps);
  mountRepo(app, deps);
  mountIdentity(app, deps);
  // Relays ask for this before they take a new host.
  mountQuery(app, "com.atproto.server.describeServer", (c) =>
    c.json({
      did: deps.account.did,
      availableUserDomains: [],
      inviteCodeRequired: true,
      phoneVerificationRequired: false,
      blobUploadLimit: MAX_BLOB_BYTES,
      links: deps.links,
      contact: deps.contactEmail ? { email: deps.contactEmail } : undefined,
    }));
  mountQuery(app, "_health", (c) => c.json({ version: deps.version }));
  return app;
}

/** Answers 501 to all methods that nothing else below `/xrpc` serves; to be mounted last. */
export function createUnknownMethodRoutes(): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.all("/:nsid", (c) => {
    throw new AppError(
      "METHOD_NOT_IMPLEMENTED",
      `The method ${c.req.param("nsid")} is not one of this server.`,
    );
  });
  return app;
}
