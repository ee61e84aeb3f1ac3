/**
 * Builds the service for share pictures.
 *
 * @module
 */

import { LargeValues } from "../../kv/large_value.ts";
import { RateLimiter } from "../../kv/rate_limit.ts";
import { SharePictures } from "../../share/share_pictures.ts";
import { DrawingThread } from "../../share/thread.ts";
import type { Platform } from "../platform.ts";

/** Pictures of links, and the thread that draws them. */
export interface ShareContext {
  readonly pictures: SharePictures;
  close(): void;
}

/** Builds it; the thread starts with the first picture. */
export function createShare({ kv, clock, log }: Platform): ShareContext {
  const thread = new DrawingThread();
  return {
    pictures: new SharePictures({
      ...{ clock, log },
      values: new LargeValues(kv, clock),
      limits: new RateLimiter(kv, clock),
      draw: (svg) => thread.draw(svg),
    }),
    close: () => thread.close(),
  };
}
