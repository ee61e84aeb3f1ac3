/**
 * Pictures of the hold's posts about pushes.
 *
 * @module
 */

import { withinTime } from "../../async/within_time.ts";
import type { Clock } from "../../clock.ts";
import type { PictureOfPost } from "../../hold/pushes/posts.ts";
import type { Logger } from "../../log.ts";
import type { RepoBlobs } from "../../repo/blobs.ts";
import type { ShareBrand } from "../../share/drawing.ts";
import type { SharePictures } from "../../share/share_pictures.ts";

export interface PostPictureDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly share: Pick<SharePictures, "get">;
  readonly pdsBlobs: Pick<RepoBlobs, "upload">;
  readonly brand: ShareBrand;
}

/** How long a post waits for its picture, in milliseconds. */
const WAIT_MS = 15_000;
/** Largest picture (lexicon `app.bsky.embed.external`), in bytes. */
const MAX_BYTES = 1_000_000;

/** Draws the picture of a post and stores it as a blob of the hold's repo. A post is made without one where that fails. */
export function postPicture(deps: PostPictureDeps): PictureOfPost {
  const { clock, log, share, pdsBlobs, brand } = deps;
  return async ({ owner, repository, tags, summary }) => {
    const facts = {
      brand,
      above: owner,
      title: repository,
      facts: [tags, ...summary],
    };
    try {
      const picture = await withinTime(
        clock,
        WAIT_MS,
        share.get(facts, undefined),
      );
      if (!picture || picture.png.length > MAX_BYTES) return undefined;
      return await pdsBlobs.upload(picture.png, "image/png");
    } catch (error) {
      log.warn("picture of a post not drawn", { repository, error });
      return undefined;
    }
  };
}
