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
import { AppError } from "../../errors.ts";
import type { Atomic, Entry, Key, Kv } from "../../kv/kv.ts";
import { KV_LIMITS } from "../../kv/limits.ts";
import { isTag, parseRepository } from "../../oci/name.ts";
import type { Page, PageRequest } from "../cursor.ts";
import { pageOfEntries } from "../key_pages.ts";
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
  /** Whether the rows of activity were written by the commit of the push. */
  readonly isListed?: boolean;
}

/** Rows of one account in a list of several. */
const MAX_OF_EACH = 6;

/** Pushes that are counted together: each takes a check. */
export const PUSHES_TOGETHER = KV_LIMITS.checks;

/** Activities that one commit removes. */
const FORGOTTEN_TOGETHER = 100;

/** Attempts of a commit under contention. */
const ATTEMPTS = 20;

/** Reads and writes activity. */
export class Activities implements RecordHandler {
  readonly collections = [OWNER_COLLECTIONS.tag];
  readonly #deps: ActivitiesDeps;

  constructor(deps: ActivitiesDeps) {
    this.#deps = deps;
  }

  async apply(change: RecordChange): Promise<void> {
    await this.applyTogether(change.did, [change]);
  }

  async applyTogether(
    did: Did,
    changes: readonly RecordChange[],
  ): Promise<void> {
    const pushes = changes.flatMap(({ record, at: seenAt }) => {
      const push = record === undefined ? undefined : pushOf(did, record);
      // A time ahead of now would stand at the top for ever.
      return !push || isAhead(push.at, seenAt) ? [] : [push];
    });
    for (let i = 0; i < pushes.length; i += PUSHES_TOGETHER) {
      await this.pushedTogether(pushes.slice(i, i + PUSHES_TOGETHER));
    }
  }

  /** Lists and counts the push of a tag, once however often it is called. */
  async pushed(push: TagPush): Promise<void> {
    await this.pushedTogether([push]);
  }

  /**
   * Lists and counts at most {@linkcode PUSHES_TOGETHER} pushes in one commit,
   * each once. Throws AppError `UNAVAILABLE` when others keep counting the same
   * ones.
   */
  async pushedTogether(pushes: readonly TagPush[]): Promise<void> {
    const { kv, clock } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const now = clock.now();
      const all = pushes.filter(({ tag, at }) =>
        !isTagAboutImage(tag) && isWithin(at, ACCOUNT_MS, now)
      );
      const marked = new Map(
        all.map((push) => [markOf(push).join("\0"), push]),
      );
      const waiting = [...marked.values()];
      const seen = await kv.getMany(waiting.map(markOf));
      const fresh = waiting.filter((_, i) => seen[i] === undefined);
      if (fresh.length === 0) return;
      const commit = kv.atomic();
      for (const push of fresh) addPush(commit, push, now);
      for (const { key, by } of sumsOf(fresh)) commit.sum(key, BigInt(by));
      if (await commit.commit()) return;
    }
    throw new AppError(
      "UNAVAILABLE",
      "Another request is counting the same pushes at the moment; try again.",
      { retryAfterSeconds: 1 },
    );
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

  /**
   * Removes what an account did from all lists. Repeated after an interruption
   * it continues. Throws the reason of `signal`.
   */
  async forget(did: Did, signal: AbortSignal): Promise<void> {
    const { kv } = this.#deps;
    const selector = { prefix: countKeys.allActivityOf(did) };
    for (;;) {
      signal.throwIfAborted();
      const limit = FORGOTTEN_TOGETHER;
      const rows = await Array.fromAsync(kv.list(selector, { limit }));
      if (rows.length === 0) return;
      const commit = kv.atomic();
      for (const { key } of rows) {
        const at = newestFirst(Number(key.at(-2)));
        const everybodys = countKeys.activity(at, String(key.at(-1)));
        commit.delete(key).delete(everybodys);
      }
      await commit.commit();
    }
  }

  async #page(
    prefix: Key,
    request: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<Activity>> {
    const { kv, visible, shown, watch } = this.#deps;
    const types = ["number", "string"] as const;
    const page = await pageOfEntries<ActivityRow>(kv, prefix, types, request);
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

/** The row that exists once a push is counted. */
function markOf({ did, repo, tag, at }: TagPush): Key {
  return countKeys.pushSeen(did, repo, tag, at);
}

function addPush(commit: Atomic, push: TagPush, now: number): void {
  const key = markOf(push);
  commit.check(key, null).set(key, 1, { expiresAt: push.at + ACCOUNT_MS });
  if (push.isListed) return;
  const activity = { ...push, kind: "push", actor: push.did } as const;
  for (const { key, row, expiresAt } of activityRows(activity, now)) {
    commit.set(key, row, { expiresAt });
  }
}

/** What to add to the counters, once for each of them. */
function sumsOf(pushes: readonly TagPush[]): Sum[] {
  const sums = new Map<string, Sum>();
  for (const { did, repo, at } of pushes) {
    const keys = [
      countKeys.pushesOn(dayOf(at), did, repo),
      countKeys.pushes(did, repo),
    ];
    for (const key of keys) {
      const name = key.join("\0");
      sums.set(name, { key, by: (sums.get(name)?.by ?? 0) + 1 });
    }
  }
  return [...sums.values()];
}

interface Sum {
  readonly key: Key;
  readonly by: number;
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
