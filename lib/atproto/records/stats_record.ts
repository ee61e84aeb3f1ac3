/**
 * `io.atcr.hold.stats` records as others than their hold read them.
 *
 * @module
 */

import { z } from "zod";
import { type Did, didSchema } from "../../did.ts";

/** What a hold says of a repository, in absolute numbers. */
export interface StatsRecord {
  readonly owner: Did;
  readonly repo: string;
  readonly pulls: number;
  readonly pushes: number;
}

const count = z.int().min(0);
const statsSchema = z.object({
  ownerDid: didSchema,
  repository: z.string().max(256),
  pullCount: count,
  pushCount: count,
});

/** Reads a record of statistics; undefined when it is none. */
export function readStats(value: unknown): StatsRecord | undefined {
  const { data } = statsSchema.safeParse(value);
  if (!data) return undefined;
  const { ownerDid, repository, pullCount, pushCount } = data;
  return {
    owner: ownerDid,
    repo: repository,
    pulls: pullCount,
    pushes: pushCount,
  };
}
