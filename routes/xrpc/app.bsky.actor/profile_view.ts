/**
 * The profile by which the hold looks like an account to apps.
 *
 * @module
 */

import { z } from "zod";
import type { RepoDeps } from "../account.ts";

/** What the profile methods need. */
export interface ProfileDeps extends RepoDeps {
  /** Origin under which the blobs of the hold are reached. */
  readonly baseUrl: string;
}

const PROFILE = "app.bsky.actor.profile";

const image = z.object({ ref: z.object({ $link: z.string() }) });
/** What is shown of the profile record; a broken member is left out. */
const profileRecord = z.object({
  displayName: z.string().optional().catch(undefined),
  description: z.string().optional().catch(undefined),
  avatar: image.optional().catch(undefined),
  banner: image.optional().catch(undefined),
  createdAt: z.string().optional().catch(undefined),
});

/** A `profileViewDetailed` of `app.bsky.actor.defs`. */
export async function profileView({ account, repo, baseUrl }: ProfileDeps) {
  const record = await repo.getRecord(PROFILE, "self");
  const profile = profileRecord.parse(record?.value ?? {});
  const url = (blob: z.output<typeof image> | undefined) => {
    if (blob === undefined) return undefined;
    const at = new URL("/xrpc/com.atproto.sync.getBlob", baseUrl);
    at.searchParams.set("did", account.did);
    at.searchParams.set("cid", blob.ref.$link);
    return at.href;
  };
  return {
    did: account.did,
    handle: account.handle,
    displayName: profile.displayName,
    description: profile.description,
    avatar: url(profile.avatar),
    banner: url(profile.banner),
    createdAt: profile.createdAt,
    followersCount: 0,
    followsCount: 0,
    labels: [],
  };
}
