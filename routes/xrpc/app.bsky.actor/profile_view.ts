/**
 * The hold's profile for apps.
 *
 * @module
 */

import { z } from "zod";
import type { RepoDeps } from "../account.ts";

export interface ProfileDeps extends RepoDeps {
  /** Public origin of the hold's blobs. */
  readonly baseUrl: string;
}

const PROFILE = "app.bsky.actor.profile";

const image = z.object({ ref: z.object({ $link: z.string() }) });
/** Schema of the profile record; malformed members are omitted. */
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
