/**
 * `com.atproto.server.describeServer`.
 *
 * @module
 */

import { MAX_BLOB_BYTES } from "../../../lib/repo/blobs.ts";
import type { PdsAccount } from "../account.ts";
import { method } from "../mount.ts";

export interface DescribeServerDeps {
  readonly account: PdsAccount;
  /** URLs of pages about the service, if they exist. */
  readonly links?: { privacyPolicy?: string; termsOfService?: string };
  /** Contact address. */
  readonly contactEmail?: string;
}

/** Describes the embedded PDS; relays call it before they accept a new host. */
export function describeServer(deps: DescribeServerDeps) {
  return method("com.atproto.server.describeServer", {
    handle: () => ({
      did: deps.account.did,
      availableUserDomains: [],
      inviteCodeRequired: true,
      phoneVerificationRequired: false,
      blobUploadLimit: MAX_BLOB_BYTES,
      links: deps.links,
      contact: deps.contactEmail ? { email: deps.contactEmail } : undefined,
    }),
  });
}
