/**
 * Everything that the hold serves: its identity, its embedded PDS, and the
 * methods of `io.atcr.hold`.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { cors } from "@hono/hono/cors";
import type { HoldContext } from "../lib/context/hold.ts";
import { COLLECTIONS } from "../lib/hold/records.ts";
import type { AppEnv } from "./middleware.ts";
import { VERSION } from "./version.ts";
import { requireAllowed } from "./xrpc/callers.ts";
import { createDenoUpgrade } from "./xrpc/com.atproto.sync/event_socket.ts";
import { createBlobResponder } from "./xrpc/com.atproto.sync/oci_blob.ts";
import { holdMethods, pdsMethods } from "./xrpc/methods.ts";
import {
  mountHealth,
  mountMethods,
  mountUnknownMethods,
} from "./xrpc/mount.ts";

/** How the program listens. */
export interface HoldRoutesState {
  /** Whether `Deno.serve` is used, which upgrades WebSockets itself. */
  denoServe: boolean;
}

/** How long browsers may cache a preflight, in seconds. */
const DAY_SECONDS = 86_400;

/** Records that determine access. */
const DECIDING: readonly string[] = [COLLECTIONS.captain, COLLECTIONS.crew];

/** Mounts the hold. */
export function holdRoutes(
  hold: HoldContext,
  state: HoldRoutesState,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  // Preflights included: websites resolve identities as well.
  app.use("/.well-known/*", cors({ maxAge: DAY_SECONDS }));
  // The directory serves the document of a did:plc.
  if (hold.did.startsWith("did:web:")) {
    app.get("/.well-known/did.json", (c) => c.json(hold.didDocument));
  }
  app.get("/.well-known/atproto-did", (c) => c.text(hold.did));
  const pds = pdsMethods({
    account: hold.account,
    feeds: hold.feeds,
    repo: hold.repo,
    blobs: hold.pdsBlobs,
    didDocument: hold.didDocument,
    baseUrl: hold.baseUrl,
    ociBlob: createBlobResponder(hold),
    authorize: async (request, lxm) => {
      const header = request.headers.get("authorization") ?? undefined;
      const caller = await hold.tokens.verify(header, lxm);
      requireAllowed(await hold.access.admin(caller));
      return caller;
    },
    permit: (caller, writes) => hold.captainRecords.require(caller, writes),
    written: (writes) => {
      if (writes.some(({ collection }) => DECIDING.includes(collection))) {
        hold.access.invalidate();
      }
    },
    ...(state.denoServe ? { upgrade: createDenoUpgrade(hold.firehose) } : {}),
  });
  // Every website may call; the token determines the rights.
  app.use("/xrpc/*", cors({ maxAge: DAY_SECONDS }));
  const xrpc = new Hono<AppEnv>();
  mountMethods(xrpc, [...holdMethods(hold), ...pds]);
  mountHealth(xrpc, VERSION);
  mountUnknownMethods(xrpc);
  app.route("/xrpc", xrpc);
  return app;
}
