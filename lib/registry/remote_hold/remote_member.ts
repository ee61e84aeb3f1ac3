/**
 * What accounts do at a remote hold besides storing images, over XRPC.
 *
 * @module
 */

import { z } from "zod";
import { HOLD_COLLECTIONS } from "../../atproto/records/collections.ts";
import type { Did } from "../../did.ts";
import type {
  CrewSize,
  HoldMember,
  StorageUse,
} from "../../hold_api/hold_member.ts";
import { AppError } from "../../errors.ts";
import type { RemoteCalls } from "./remote_calls.ts";

const bytes = z.int().min(0);
const quotaSchema = z.object({
  totalSize: bytes,
  uniqueBlobs: bytes,
  limit: bytes.optional(),
  tier: z.string().max(64).optional(),
});
const pageSchema = z.object({
  records: z.array(z.unknown()).max(1_000),
  cursor: z.string().max(2_048).nullish(),
});
const anything = z.unknown();

/** Maximum pages of 100 crew records that are counted. */
const MAX_PAGES = 10;

/** {@linkcode HoldMember} over XRPC. */
export class RemoteMember implements HoldMember {
  readonly near = undefined;
  readonly #calls: RemoteCalls;

  constructor(calls: RemoteCalls) {
    this.#calls = calls;
  }

  get did(): Did {
    return this.#calls.did;
  }

  async storage(account: Did): Promise<StorageUse> {
    const nsid = "io.atcr.hold.getQuota";
    const parameters = { userDid: account };
    const found = await this.#calls.query(nsid, parameters, quotaSchema);
    if (!found) {
      throw new AppError(
        "UPSTREAM_FAILED",
        `The hold ${this.did} does not say what accounts store there.`,
      );
    }
    const { totalSize: used, uniqueBlobs: blobs, limit, tier } = found;
    return { used, blobs, limit, tier };
  }

  async crew(): Promise<CrewSize> {
    const collection = HOLD_COLLECTIONS.crew;
    let count = 0;
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const found = await this.#calls.query("com.atproto.repo.listRecords", {
        repo: this.did,
        collection,
        limit: "100",
        ...(cursor === undefined ? {} : { cursor }),
      }, pageSchema);
      count += found?.records.length ?? 0;
      cursor = found?.cursor ?? undefined;
      if (cursor === undefined || found?.records.length === 0) {
        return { count, isWhole: true };
      }
    }
    return { count, isWhole: false };
  }

  async join(caller: Did): Promise<void> {
    const nsid = "io.atcr.hold.requestCrew";
    await this.#calls.procedure(caller, nsid, {}, anything);
  }

  async exportData(caller: Did): Promise<unknown> {
    const nsid = "io.atcr.hold.exportUserData";
    const found = await this.#calls.query(nsid, {}, anything, caller);
    if (found !== undefined) return found;
    throw new AppError(
      "UPSTREAM_FAILED",
      `The hold ${this.did} does not export data.`,
    );
  }

  async deleteData(caller: Did): Promise<void> {
    const nsid = "io.atcr.hold.deleteUserData";
    await this.#calls.procedure(caller, nsid, {}, anything);
  }
}
