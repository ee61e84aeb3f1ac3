/**
 * Parts of drills: pushes that retry as docker does, because servers and stores
 * are away for a while.
 *
 * @module
 */

import { imageManifest, type Manifest, randomBlob } from "../support/oci.ts";
import { expect, Repository } from "../support/registry.ts";
import { sleep } from "../tools/server.ts";
import type { PushedServer } from "./drill.ts";

/** Attempts at one blob or manifest, a second apart. */
const ATTEMPTS = 90;
const PAUSE_MS = 1_000;
const LAYER_BYTES = 200_000;
/** Pushes at once. */
const PUSHERS = 8;

/** What became of {@linkcode pushPatiently}. */
export interface Pushed {
  /** Everything that was acknowledged, by tag. */
  readonly images: ReadonlyMap<string, Manifest>;
  /** Attempts that failed. */
  readonly failures: number;
  /** Duration of the longest push with all of its attempts. */
  readonly slowestMs: number;
}

/**
 * Pushes `count` images, eight at a time, to the servers in turn. Calls
 * `onPushed` with the number of acknowledged ones after each.
 */
export async function pushPatiently(
  servers: readonly PushedServer[],
  count: number,
  onPushed: (done: number) => void = () => {},
): Promise<Pushed> {
  const images = new Map<string, Manifest>();
  let failures = 0;
  let slowestMs = 0;
  let next = 0;
  const patiently = async (step: (at: Repository) => Promise<unknown>) => {
    for (let attempt = 1;; attempt++) {
      const server = servers[next++ % servers.length];
      if (server === undefined) throw new Error("There is no server.");
      try {
        await step(new Repository(server, server.alice, "alice.test/app"));
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        failures++;
        await sleep(PAUSE_MS);
      }
    }
  };
  let begun = 0;
  const pusher = async () => {
    while (begun < count) {
      const tag = `push${begun++}`;
      const startedAt = performance.now();
      const config = randomBlob(200);
      const layer = randomBlob(LAYER_BYTES);
      for (const blob of [config, layer]) {
        await patiently((at) => at.pushBlob(blob));
      }
      const image = imageManifest(config, [layer]);
      await patiently(async (at) =>
        expect(await at.putManifest(image, tag), 201)
      );
      images.set(tag, image);
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      onPushed(images.size);
    }
  };
  await Promise.all(Array.from({ length: PUSHERS }, pusher));
  return { images, failures, slowestMs: Math.round(slowestMs) };
}
