/**
 * The hold's Bluesky profile, shown with its posts.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import type { BlobRef } from "../atproto/pds/pds.ts";
import { holdKeys } from "./kv_keys.ts";
import { COLLECTIONS, type HoldRecords, SELF } from "./records.ts";

/** Settings of the operator. */
export interface ProfileSettings {
  /** At most 64 graphemes (lexicon `app.bsky.actor.profile`). */
  readonly displayName: string;
  /** At most 256 graphemes. */
  readonly description: string;
  /** Picture: PNG or JPEG of at most 1,000,000 bytes. */
  readonly avatarUrl?: string;
}

export interface ProfileDeps {
  kv: Kv;
  records: HoldRecords;
  log: Logger;
  /** Fetches at most `maxBytes` of a URL, with the guarded fetch. */
  fetchBytes: (url: string, maxBytes: number) => Promise<Uint8Array>;
  /** Stores bytes as a blob of the hold's repo. */
  uploadBlob: (bytes: Uint8Array, mimeType: string) => Promise<BlobRef>;
}

/** Largest avatar (lexicon `app.bsky.actor.profile`). */
const MAX_AVATAR_BYTES = 1_000_000;

/**
 * Writes the profile when it differs from the settings. The picture is fetched
 * when its URL changed; when that fails the old one stays and the next start
 * retries. Other fields of the record stay.
 */
export async function ensureProfile(
  deps: ProfileDeps,
  settings: ProfileSettings,
): Promise<void> {
  const { kv, records, log } = deps;
  const { displayName, description, avatarUrl } = settings;
  const present = await records.getRecord(COLLECTIONS.profile, SELF);
  const source = (await kv.get<string>(holdKeys.profileAvatar))?.value;
  let avatar = present?.value["avatar"];
  let fetched = false;
  if (
    avatarUrl !== undefined && (source !== avatarUrl || avatar === undefined)
  ) {
    try {
      avatar = await fetchAvatar(deps, avatarUrl);
      fetched = true;
    } catch (error) {
      log.warn("picture of the profile not fetched", { avatarUrl, error });
    }
  }
  const value = {
    ...present?.value,
    displayName,
    description,
    ...(avatar === undefined ? {} : { avatar }),
  };
  // Validating a profile loads the lexicons of Bluesky; skip it when nothing changed.
  if (!isDeepStrictEqual(value, present?.value)) {
    await records.apply([{
      action: "put",
      collection: COLLECTIONS.profile,
      rkey: SELF,
      value,
    }]);
  }
  if (fetched) await kv.set(holdKeys.profileAvatar, avatarUrl);
}

async function fetchAvatar(deps: ProfileDeps, url: string): Promise<BlobRef> {
  const bytes = await deps.fetchBytes(url, MAX_AVATAR_BYTES);
  const mimeType = imageType(bytes);
  if (mimeType === undefined) {
    throw new AppError(
      "UNSUPPORTED_MEDIA_TYPE",
      `${url} is neither PNG nor JPEG.`,
    );
  }
  return await deps.uploadBlob(bytes, mimeType);
}

/** Detects the type of a picture by its first bytes. */
function imageType(bytes: Uint8Array): string | undefined {
  const starts = (...magic: number[]) =>
    magic.every((byte, i) => bytes[i] === byte);
  if (starts(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)) {
    return "image/png";
  }
  if (starts(0xff, 0xd8, 0xff)) return "image/jpeg";
  return undefined;
}
