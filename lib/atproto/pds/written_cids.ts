/**
 * What a PDS says about the records of a commit.
 *
 * @module
 */

import { z } from "zod";

const output = z.object({
  results: z.array(z.object({ cid: z.string().optional() })).optional(),
});

/**
 * The CIDs in the response to `com.atproto.repo.applyWrites`, in the order of
 * the writes; undefined for deletes. None where the response has another form:
 * the writes are applied all the same.
 */
export function writtenCids(text: string): readonly (string | undefined)[] {
  try {
    const { results = [] } = output.parse(JSON.parse(text));
    return results.map(({ cid }) => cid);
  } catch {
    return [];
  }
}
