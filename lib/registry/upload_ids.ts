/**
 * Ids of uploads, which contain what any instance needs to continue them:
 * nothing is stored when an upload is opened. A keyed hash binds an id to the
 * repository and the account.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { type Did, storedDidSchema } from "../did.ts";
import type { DigestAlgorithm } from "../oci/digest.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";

/** An upload as its id describes it. */
export interface OpenedUpload {
  readonly holdDid: Did;
  /** Id of the upload at the hold; unique. */
  readonly holdUploadId: string;
  readonly algorithm: DigestAlgorithm;
  /** When it expires without bytes, in milliseconds since the Unix epoch. */
  readonly expiresAt: number;
}

/** Keyed hash of some texts in base64url, as `SecretBox.mac` makes it. */
export type Mac = (...parts: string[]) => string;

const content = z.tuple([
  storedDidSchema,
  z.string(),
  z.enum(["sha256", "sha512"]),
  z.number(),
]);

/** Characters of a hash of 32 bytes in base64url. */
const MAC_LENGTH = 43;

/** Writes and reads ids. */
export class UploadIds {
  readonly #mac: Mac;

  /** @param mac must be the same in all instances. */
  constructor(mac: Mac) {
    this.#mac = mac;
  }

  /** The id of an upload of `caller` to a repository: letters, digits, `-` and `_`. */
  issue({ did, repo }: RepoRef, caller: Did, upload: OpenedUpload): string {
    const { holdDid, holdUploadId, algorithm, expiresAt } = upload;
    const values: z.infer<typeof content> = [
      holdDid,
      holdUploadId,
      algorithm,
      expiresAt,
    ];
    const text = Buffer.from(JSON.stringify(values)).toString("base64url");
    return text + this.#mac(did, repo, caller, text);
  }

  /** Undefined unless `id` was issued for this repository and `caller`. */
  read(
    { did, repo }: RepoRef,
    caller: Did,
    id: string,
  ): OpenedUpload | undefined {
    const text = id.slice(0, -MAC_LENGTH);
    const given = Buffer.from(id.slice(-MAC_LENGTH));
    const right = Buffer.from(this.#mac(did, repo, caller, text));
    if (given.length !== right.length || !timingSafeEqual(given, right)) {
      return undefined;
    }
    const json = Buffer.from(text, "base64url").toString();
    const [holdDid, holdUploadId, algorithm, expiresAt] = content.parse(
      JSON.parse(json),
    );
    return { holdDid, holdUploadId, algorithm, expiresAt };
  }
}
