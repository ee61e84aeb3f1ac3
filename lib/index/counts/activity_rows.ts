/**
 * The rows behind what happens in the network, and what is counted with them.
 *
 * @module
 */

import { isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Atomic, Key } from "../../kv/kv.ts";
import { dayOf } from "../order.ts";
import type { Star } from "../people/star_rows.ts";
import { countKeys } from "./kv_keys.ts";

/** Something that happened. */
export type Activity =
  & {
    /** Who did it. */
    readonly actor: Did;
    /** Owner of the repository. */
    readonly did: Did;
    readonly repo: string;
    /** Milliseconds since the Unix epoch. */
    readonly at: number;
  }
  & (
    | {
      readonly kind: "push";
      readonly tag: string;
      /** Undefined where only the record of the manifest has it. */
      readonly digest: string | undefined;
    }
    | { readonly kind: "star" }
  );

/** What stands in a row of activity: all but the time, which is in the key. */
export type ActivityRow =
  & Pick<Activity, "actor" | "did" | "repo">
  & (
    | { readonly kind: "push"; readonly tag: string; readonly digest?: string }
    | { readonly kind: "star" }
  );

/** How long the activity of all accounts is kept, in milliseconds. */
const ALL_MS = 30 * 86_400_000;
/** How long the activity of one account is kept, in milliseconds. */
export const ACCOUNT_MS = 400 * 86_400_000;

/** A row with the time at which it expires. */
export interface ExpiringRow {
  readonly key: Key;
  readonly row: ActivityRow;
  readonly expiresAt: number;
}

/** The rows of an activity as of `now`; none of them where it is too old. The same activity has the same keys. */
export function activityRows(activity: Activity, now: number): ExpiringRow[] {
  const { actor, at } = activity;
  const id = idOf(activity);
  const row = rowOf(activity);
  const rows: ExpiringRow[] = [];
  if (isWithin(at, ALL_MS, now)) {
    rows.push({ key: countKeys.activity(at, id), row, expiresAt: at + ALL_MS });
  }
  if (isWithin(at, ACCOUNT_MS, now)) {
    const key = countKeys.activityOf(actor, at, id);
    rows.push({ key, row, expiresAt: at + ACCOUNT_MS });
  }
  return rows;
}

/** Adds a star to activity and counts, or takes it out of them. */
export function noteStar(
  commit: Atomic,
  star: Star,
  by: 1 | -1,
  now: number,
): void {
  const { did, repo, at } = star;
  const rows = activityRows({ ...star, kind: "star" }, now);
  for (const { key, row, expiresAt } of rows) {
    if (by > 0) commit.set(key, row, { expiresAt });
    else commit.delete(key);
  }
  commit.sum(countKeys.starsOn(dayOf(at), did, repo), BigInt(by));
}

function rowOf(activity: Activity): ActivityRow {
  const { actor, did, repo } = activity;
  if (activity.kind === "star") return { kind: "star", actor, did, repo };
  const { tag, digest } = activity;
  return {
    ...{ kind: "push", actor, did, repo, tag },
    ...(digest === undefined ? {} : { digest }),
  };
}

/** Tells activities of the same millisecond apart. */
function idOf(activity: Activity): string {
  const { actor, did, repo } = activity;
  return activity.kind === "push"
    ? `push ${did}/${repo}:${activity.tag}`
    : `star ${actor} ${did}/${repo}`;
}
