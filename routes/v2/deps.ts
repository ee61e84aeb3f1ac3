/**
 * Dependencies of the `/v2/` handlers, and the parsed request.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { AppEnv } from "../middleware.ts";
import type { Did } from "../../lib/did.ts";
import type { Identity } from "../../lib/atproto/identity/identity.ts";
import type { PdsSession } from "../../lib/atproto/pds/pds.ts";
import type {
  RegistryTokens,
  TokenClaims,
} from "../../lib/auth/registry_tokens.ts";
import type { Blobs } from "../../lib/registry/blobs.ts";
import type { Lists } from "../../lib/registry/lists/lists.ts";
import type { ManifestPush } from "../../lib/registry/manifests/manifest_push.ts";
import type { Manifests } from "../../lib/registry/manifests/manifests.ts";
import type { Mounts } from "../../lib/registry/mounts.ts";
import type { Pulls } from "../../lib/registry/pulls.ts";
import type { Owners } from "../../lib/registry/owners/owners.ts";
import type { Uploads } from "../../lib/registry/uploads.ts";

/** Services and settings of the OCI API. */
export interface V2Deps {
  tokens: RegistryTokens;
  owners: Owners;
  uploads: Uploads;
  mounts: Mounts;
  blobs: Blobs;
  manifests: Manifests;
  pulls: Pulls;
  push: ManifestPush;
  lists: Lists;
  /** Counts a lookup without login at another server. Throws AppError `TOOMANYREQUESTS`. */
  admitLookUp: (c: Context<AppEnv>) => Promise<void>;
  /** The session of a logged-in account; undefined when it has ended. */
  session: (did: Did) => Promise<PdsSession | undefined>;
  /** Origin used by the client, for the token endpoint's address. */
  origin: (request: Request) => string;
  maxManifestBytes: number;
  /** Whether `_catalog` is enabled. */
  catalog: boolean;
}

/** One request, after its path and its token were parsed. */
export interface V2Request {
  readonly request: Request;
  readonly claims: TokenClaims | undefined;
  /** Awaited before another server is queried. */
  readonly admit: () => Promise<void>;
}

/** A request about one repository. */
export interface RepositoryRequest extends V2Request {
  readonly owner: Identity;
  readonly repo: string;
  /** `/v2/<name>` in the form that the client should keep using. */
  readonly base: string;
}
