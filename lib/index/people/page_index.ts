/**
 * Pages of repositories as their owners' records say them.
 *
 * @module
 */

import type { BlobRef } from "../../atproto/pds/pds.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import {
  type PageRecord,
  readPageRecord,
} from "../../atproto/records/page_record.ts";
import { pageRkey } from "../../atproto/records/rkeys.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { removeBelow } from "../../kv/operating/remove_below.ts";
import { parseRepository } from "../../oci/name.ts";
import type { RecordChange, RecordHandler } from "../record_change.ts";
import { isNews, seenFrom } from "../seen.ts";
import { peopleKeys } from "./kv_keys.ts";
import { type PageRow, setNoPage, setPage, textOf } from "./page_rows.ts";
import type { RepoRef } from "../visible.ts";
import type { IndexWatch } from "../watch.ts";

export interface PageIndexDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly watch: IndexWatch;
  /** Called after a page has changed; undefined: there is none. */
  readonly onPage: (repo: RepoRef, page: PageRow["page"]) => Promise<void>;
}

/** How an owner describes a repository. */
export interface RepositoryPage {
  /** Markdown; empty where the page has a picture only. */
  readonly text: string;
  /** The first sentence, on one line. */
  readonly line: string | undefined;
  /** A blob in the owner's PDS. */
  readonly avatar: BlobRef | undefined;
  /** Whether the owner wrote it, so that pushes leave it alone. */
  readonly userEdited: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly updatedAt: number;
}

/** What the rows say of a page. */
export type KnownPage = RepositoryPage | "absent" | "unknown";

/** Tries of a commit that others get in the way of. */
const ATTEMPTS = 20;
/** How long a deletion is remembered, in milliseconds. */
const GONE_MS = 7 * 86_400_000;

/** Reads and writes the rows of pages. */
export class PageIndex implements RecordHandler {
  readonly collections = [OWNER_COLLECTIONS.page];
  readonly #deps: PageIndexDeps;

  constructor(deps: PageIndexDeps) {
    this.#deps = deps;
  }

  /** The page of a repository as far as it is known here. */
  async get({ did, repo }: RepoRef): Promise<KnownPage> {
    const { kv, watch } = this.#deps;
    const entry = await kv.get<PageRow>(peopleKeys.page(did, repo));
    watch.rowsRead("pages", 1 + (entry?.value.page?.parts ?? 0));
    if (!entry) return "unknown";
    const { page } = entry.value;
    if (!page) return "absent";
    const { line, avatar, userEdited, updatedAt, parts } = page;
    const keys = Array.from(
      { length: parts },
      (_, part) => peopleKeys.pageText(did, repo, part),
    );
    const rows = await kv.getMany<Uint8Array>(keys);
    const text = textOf(rows.map((row) => row?.value));
    return { text, line, avatar, userEdited, updatedAt };
  }

  /**
   * Takes a change of a record whose key is that of its repository. Throws
   * AppError `UNAVAILABLE` when others keep changing the same page.
   */
  async apply(change: RecordChange): Promise<void> {
    const record = readPageRecord(change.record);
    const repo = record?.repository ?? repositoryOfKey(change.rkey);
    const own = keyOf(repo);
    // A record at another key could not be found again when it is deleted.
    if (own === undefined || change.rkey !== own) {
      return this.#deps.watch.ignored(change.collection, "not at its key");
    }
    await this.#store(change, repo, record, GONE_MS);
  }

  /** The pages of `did`, with the times at which they were seen. */
  async *known(did: Did): AsyncGenerator<{ rkey: string; at: number }> {
    const prefix = peopleKeys.pages(did);
    const rows = this.#deps.kv.list<PageRow>({ prefix });
    for await (const { key, value: { page, seenAt } } of rows) {
      if (page) yield { rkey: pageRkey(String(key.at(-1))), at: seenAt };
    }
  }

  /** The repositories of `did` with a page, each with its page; one is in memory at a time. */
  async *all(
    did: Did,
  ): AsyncGenerator<{ readonly repo: string } & RepositoryPage> {
    const prefix = peopleKeys.pages(did);
    for await (const { key } of this.#deps.kv.list({ prefix })) {
      const repo = String(key.at(-1));
      const page = await this.get({ did, repo });
      if (typeof page === "object") yield { repo, ...page };
    }
  }

  /** Remembers for `ttlMs` milliseconds that there is no page, as was seen at `at`. */
  async noteAbsent(
    { did, repo }: RepoRef,
    at: number,
    ttlMs: number,
  ): Promise<void> {
    const change = { did, rev: undefined, at };
    await this.#store(change, repo, undefined, ttlMs);
  }

  /** Removes the pages of a deleted account. */
  async forget(did: Did, signal: AbortSignal): Promise<void> {
    const { kv } = this.#deps;
    for (const prefix of [peopleKeys.pages(did), peopleKeys.pageTexts(did)]) {
      await removeBelow(kv, { prefix }, signal);
    }
  }

  async #store(
    change: Pick<RecordChange, "did" | "rev" | "at">,
    repo: string,
    record: PageRecord | undefined,
    goneMs: number,
  ): Promise<void> {
    const { kv, clock, onPage } = this.#deps;
    const { did } = change;
    const key = peopleKeys.page(did, repo);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await kv.get<PageRow>(key);
      if (!isNews(change, entry?.value)) return;
      const seen = seenFrom(change, entry?.value);
      const commit = kv.atomic().check(key, entry?.versionstamp ?? null);
      const place = { did, repo };
      const row = record
        ? setPage(commit, place, seen, record)
        : setNoPage(commit, place, seen, clock.now() + goneMs);
      if (!await commit.commit()) continue;
      if (entry?.value.page || row.page) await onPage(place, row.page);
      return;
    }
    throw new AppError(
      "UNAVAILABLE",
      "Another request is changing the same page at the moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }
}

/** The repository that a record of this key describes. */
function repositoryOfKey(rkey: string): string {
  return rkey.replaceAll("~", "/");
}

/** The key of the page of `repo`; undefined for what is no name. */
function keyOf(repo: string): string | undefined {
  try {
    return pageRkey(parseRepository(repo));
  } catch {
    return undefined;
  }
}
