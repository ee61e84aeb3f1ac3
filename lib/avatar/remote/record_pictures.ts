/**
 * Pictures that records other than profiles name, such as that of a
 * repository: blobs in the repo of an account, rendered as its avatar is.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { PictureQuery } from "../parameters.ts";
import { isBlobCid } from "../picture_keys.ts";
import type { AvatarParts } from "./parts.ts";

/** The account whose blob it is. */
export interface BlobOwner {
  readonly did: Did;
  readonly handle: string | undefined;
  /** Origin of its PDS. */
  readonly pds: string | undefined;
}

/** Renders and finds them. */
export class RecordPictures {
  readonly #parts: Pick<AvatarParts, "variants" | "admission" | "publicUrl">;

  constructor(
    parts: Pick<AvatarParts, "variants" | "admission" | "publicUrl">,
  ) {
    this.#parts = parts;
  }

  /**
   * Returns the public URL of the blob `cid` in a size. Throws as
   * `AvatarService.picture`.
   */
  async locate(
    owner: BlobOwner,
    cid: string,
    query: PictureQuery,
    client: string | undefined,
  ): Promise<string> {
    if (!isBlobCid(cid)) {
      throw new AppError("NOT_FOUND", "There is no such picture.");
    }
    const { variants, admission, publicUrl } = this.#parts;
    const none = { avatar: undefined, banner: undefined, checkedAt: 0 };
    const { key } = await variants.ensure(
      { ...owner, ...none },
      { cid, mimeType: "", size: undefined, uri: "", collection: "" },
      query,
      admission.visitor(client),
    );
    return publicUrl(key);
  }
}
