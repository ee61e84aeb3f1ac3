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
  /** Draws any SVG document of plain shapes as PNG. */
  readonly draw: (svg: string) => Promise<Uint8Array>;
  close(): void;
}

/** Builds it; the thread starts with the first picture. */
export function createShare({ kv, clock, log }: Platform): ShareContext {
  const thread = new DrawingThread();
  const draw = (svg: string) => thread.draw(svg);
  return {
    draw,
    pictures: new SharePictures({
      ...{ clock, log, draw },
      values: new LargeValues(kv, clock),
      limits: new RateLimiter(kv, clock),
    }),
    close: () => thread.close(),
  };
}
