/**
 * Builds what pages show pictures with, besides those of accounts.
 *
 * @module
 */

import { DEFAULT_AVATAR_OPTIONS } from "../../avatar/options.ts";
import { RecordPictures } from "../../avatar/remote/record_pictures.ts";
import { RemotePictures } from "../../avatar/remote/remote_pictures.ts";
import type { AvatarService } from "../../avatar/service.ts";
import { LargeValues } from "../../kv/large_value.ts";
import type { Base } from "../roles.ts";
import type { ShareContext } from "./share.ts";

/** Pictures that records and texts name. */
export interface PicturesContext {
  readonly records: RecordPictures;
  readonly remote: RemotePictures;
}

/** Builds both on the workers of the avatar service. */
export function createPictures(
  base: Base,
  avatars: AvatarService,
  share: ShareContext,
): PicturesContext {
  const { kv, clock } = base;
  const { parts, options } = avatars;
  return {
    records: new RecordPictures(parts),
    remote: new RemotePictures({
      ...{ ...base, ...parts },
      values: new LargeValues(kv, clock),
      limits: { ...DEFAULT_AVATAR_OPTIONS.limits, ...options.limits },
      draw: share.draw,
    }),
  };
}
