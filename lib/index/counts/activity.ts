/**
 * What happens in the network: pushes of tags and stars, newest first. The
 * pushes of platforms and attestations that belong to an index have no tag, so
 * that an image is one entry however many manifests it has.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readTag } from "../../atproto/records/records.ts";
import { type Clock, isAhead, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Entry, Key, Kv } from "../../kv/kv.ts";
import { isTag, parseRepository } from "../../oci/name.ts";
import type { Page, PageRequest } from "../cursor.ts";
import { readPage } from "../key_pages.ts";
import { dayOf, newestFirst } from "../order.ts";
import type { MayRead } from "../reading.ts";
import type { RecordChange, RecordHandler } from "../record_change.ts";
import type { Visible } from "../visible.ts";
import {
  ACCOUNT_MS,
  type Activity,
  type ActivityRow,
  activityRows,
} from "./activity_rows.ts";
import { countKeys } from "./kv_keys.ts";
import { isTagAboutImage } from "./pull_sessions.ts";
import type { IndexWatch } from "../watch.ts";

export interface ActivitiesDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly visible: Visible;
  /** Whether the network shows each account, in order. */
  readonly shown: (dids: readonly Did[]) => Promise<readonly boolean[]>;
  readonly watch: IndexWatch;
}

/** A tag that was pushed. */
export interface TagPush {
  readonly did: Did;
  readonly repo: string;
  readonly tag: string;
  /** Undefined where only the record of the manifest has it. */
  readonly digest: string | undefined;
  /** Milliseconds since the Unix epoch; the time in the record of the tag. */
  readonly at: number;
}

/** Rows of one account in a list of several. */
const MAX_OF_EACH = 6;

/** Reads and writes activity. */
export class Activities implements RecordHandler {
  readonly collections = [OWNER_COLLECTIONS.tag];
  readonly #deps: ActivitiesDeps;

  constructor(deps: ActivitiesDeps) {
    this.#deps = deps;
  }

  async apply({ did, record, at: seenAt }: RecordChange): Promise<void> {
    const push = record === undefined ? undefined : pushOf(did, record);
    // A time ahead of now would stand at the top for ever.
    if (!push || isAhead(push.at, seenAt)) return;
    await this.pushed(push);
  }

  /** Lists and counts the push of a tag, once however often it is called. */
  async pushed(push: TagPush): Promise<void> {
    const { kv, clock } = this.#deps;
    const { did, repo, tag, at } = push;
    const now = clock.now();
    if (isTagAboutImage(tag) || !isWithin(at, ACCOUNT_MS, now)) return;
    const seen = countKeys.pushSeen(did, repo, tag, at);
    const commit = kv.atomic().check(seen, null)
      .set(seen, 1, { expiresAt: at + ACCOUNT_MS })
      .sum(countKeys.pushesOn(dayOf(at), did, repo), 1n)
      .sum(countKeys.pushes(did, repo), 1n);
    const rows = activityRows({ ...push, kind: "push", actor: did }, now);
    for (const { key, row, expiresAt } of rows) {
      commit.set(key, row, { expiresAt });
    }
    // False: it was counted before.
    await commit.commit();
  }

  /** What anybody did, newest first, as far as the reader may see it. A page may be short, or empty, and have a cursor. */
  all(request: PageRequest, mayRead: MayRead): Promise<Page<Activity>> {
    return this.#page(countKeys.allActivity(), request, mayRead);
  }

  /** What one account did, newest first, as {@linkcode all}. */
  ofAccount(
    did: Did,
    request: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<Activity>> {
    return this.#page(countKeys.allActivityOf(did), request, mayRead);
  }

  /** What several accounts did, newest first, the last few of each and at most `limit`, as far as the reader may see it. */
  async ofAccounts(
    dids: readonly Did[],
    limit: number,
    mayRead: MayRead,
  ): Promise<Activity[]> {
    const { kv, visible, watch } = this.#deps;
    const rows = await Promise.all(
      dids.map((did) =>
        Array.fromAsync(
          kv.list<ActivityRow>(
            { prefix: countKeys.allActivityOf(did) },
            { limit: MAX_OF_EACH },
          ),
        )
      ),
    );
    const all = rows.flat().map(activityOf).sort((a, b) => b.at - a.at)
      .slice(0, 2 * limit);
    watch.rowsRead("activity of several", rows.flat().length);
    const seen = await visible(all, mayRead);
    return all.filter((_, i) => seen[i]).slice(0, limit);
  }

  async #page(
    prefix: Key,
    request: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<Activity>> {
    const { kv, visible, shown, watch } = this.#deps;
    const types = ["number", "string"] as const;
    const page = await readPage<ActivityRow>(kv, prefix, types, request);
    watch.rowsRead("activity", page.items.length + 1);
    const all = page.items.map(activityOf);
    const [seen, known] = await Promise.all([
      visible(all, mayRead),
      shown(all.map(({ actor }) => actor)),
    ]);
    return {
      items: all.filter((_, i) => seen[i] && known[i]),
      cursor: page.cursor,
    };
  }
}

function activityOf({ key, value }: Entry<ActivityRow>): Activity {
  const at = newestFirst(Number(key.at(-2)));
  return value.kind === "star"
    ? { ...value, at }
    : { ...value, digest: value.digest, at };
}

/** The push that a record of a tag stands for. */
function pushOf(did: Did, value: unknown): TagPush | undefined {
  const record = readTag(value);
  if (record?.updatedAt === undefined) return undefined;
  const { repository: repo, tag, digest, updatedAt: at } = record;
  return isTag(tag) && isRepository(repo)
    ? { did, repo, tag, digest, at }
    : undefined;
}

function isRepository(name: string): boolean {
  try {
    return name.length <= 255 && parseRepository(name) === name;
  } catch {
    return false;
  }
}
