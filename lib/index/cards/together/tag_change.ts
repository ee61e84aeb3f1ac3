/**
 * What the record of a tag changes, whether it is applied alone or together
 * with others.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../../atproto/records/collections.ts";
import type { Atomic } from "../../../kv/kv.ts";
import type { Digest } from "../../../oci/digest.ts";
import type { RecordChange } from "../../record_change.ts";
import { cardKeys } from "../kv_keys.ts";
import type { MoveNote } from "../repository_edit.ts";
import { isReadFrom, type TagPlace } from "../rkey_tags.ts";
import type { TagClaim } from "../rows.ts";

/** Where a record says that a tag points. */
export interface TagTarget extends TagPlace {
  readonly digest: Digest;
  /** Milliseconds since the Unix epoch; undefined when the record says none, or one to come. */
  readonly at: number | undefined;
}

/** What the stream repeats is not older than this, in milliseconds. */
const GONE_MS = 3 * 86_400_000;

/** The claim of a record; one without a time that counts keeps the one that it was given first. */
export function claimFor(
  { rkey, rev, at: seenAt }: RecordChange,
  { digest, at }: TagTarget,
  known: TagClaim | undefined,
): TagClaim {
  const first = known?.digest === digest ? known.at : seenAt;
  return {
    rkey,
    digest,
    at: at ?? first,
    ...(rev === undefined ? {} : { rev }),
  };
}

/** Whether two claims of a record say the same. */
export function isSameClaim(
  a: TagClaim | undefined,
  b: TagClaim | undefined,
): boolean {
  return a?.digest === b?.digest && a?.at === b?.at;
}

/** Whether both name the same tag. */
export function isSameTag(a: TagPlace, b: TagPlace): boolean {
  return a.repo === b.repo && a.tag === b.tag;
}

/** How the move is noted; changes without a revision were seen too late for that. */
export function moveOf({ at, rev }: RecordChange): MoveNote | undefined {
  return rev === undefined ? undefined : { at, by: "network", rev };
}

/** Notes what the key of the record does not say. */
export function noteRecord(
  commit: Atomic,
  { did, rkey, rev, at }: RecordChange,
  target: TagTarget | undefined,
  isMapped: boolean,
): void {
  const map = cardKeys.tagRecord(did, rkey);
  if (target && !isReadFrom(rkey, target)) {
    commit.set(map, { repo: target.repo, tag: target.tag });
  } else if (isMapped) commit.delete(map);
  if (target || rev === undefined) return;
  const gone = cardKeys.gone(did, OWNER_COLLECTIONS.tag, rkey);
  commit.set(gone, rev, { expiresAt: at + GONE_MS });
}
