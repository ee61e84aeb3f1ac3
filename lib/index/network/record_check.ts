/**
 * Validation of records by their lexicon, and of earlier forms that registries
 * still read.
 *
 * @module
 */

import { z } from "zod";
import { didSchema } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import { assertRecord } from "../../atproto/lexicon/record_validator.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import {
  readManifest,
  readProfile,
  readTag,
} from "../../atproto/records/records.ts";

const earlyStar = z.object({
  subject: z.object({ did: didSchema, repository: z.string() }),
});

/** Readers that accept more forms than the lexicon. */
const READERS: Readonly<Record<string, (record: unknown) => boolean>> = {
  [OWNER_COLLECTIONS.manifest]: (record) => readManifest(record) !== undefined,
  [OWNER_COLLECTIONS.profile]: (record) => readProfile(record) !== undefined,
  [OWNER_COLLECTIONS.star]: (record) => earlyStar.safeParse(record).success,
  [OWNER_COLLECTIONS.tag]: (record) => readTag(record) !== undefined,
};

/** Whether `record` is a valid record of `collection` at `rkey`. */
export async function isTakeable(
  collection: string,
  rkey: string,
  record: unknown,
): Promise<boolean> {
  try {
    await assertRecord(collection, rkey, record);
    return true;
  } catch (error) {
    if (!isAppError(error, "INVALID_REQUEST")) throw error;
    return READERS[collection]?.(record) ?? false;
  }
}
