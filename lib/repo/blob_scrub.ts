/**
 * Scrub source for the blobs of the repo.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { ScrubItem, ScrubSource } from "../scrub/source.ts";
import type { RepoBlobs } from "./blobs.ts";
import { cidOfRaw } from "./cid.ts";

/** Every blob that a record refers to or may refer to. */
export class RepoBlobScrub implements ScrubSource {
  readonly name = "repo blobs";
  readonly #blobs: Pick<RepoBlobs, "cids" | "check">;

  constructor(blobs: Pick<RepoBlobs, "cids" | "check">) {
    this.#blobs = blobs;
  }

  randomId(): string {
    return cidOfRaw(randomBytes(32));
  }

  async *items(after?: string): AsyncIterableIterator<ScrubItem> {
    for await (const { cid, size } of this.#blobs.cids(after)) {
      yield {
        id: cid,
        size,
        check: (pace) => this.#blobs.check(cid, pace),
      };
    }
  }
}
