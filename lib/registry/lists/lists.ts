/**
 * Lists of tags, referrers and repositories, page by page.
 *
 * @module
 */

import type { Hosting } from "../../atproto/hosting/hosting.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsSilence } from "../../atproto/pds/pds_pace.ts";
import type { Clock } from "../../clock.ts";
import { LateCalls } from "../../async/late_calls.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { Descriptor } from "../../oci/descriptor.ts";
import type { Digest } from "../../oci/digest.ts";
import { readManifestAside } from "../../oci/manifest_reading.ts";
import type { ManifestContent } from "../manifests/content.ts";
import type { Discovery } from "../manifests/discovery.ts";
import type { Admit } from "../../async/admitted_flight.ts";
import type { Extent } from "../owners/owner_lists.ts";
import type { OwnerNames } from "../manifests/owner_names.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";
import type { ManifestIndex, RepoRef } from "../manifests/manifest_index.ts";
import type { HiddenRepositories } from "../owners/hidden_repositories.ts";
import { ReadableHolds } from "./readable_holds.ts";
import { doubtOf, stillReading } from "./doubts.ts";
import type { RepositoryList } from "./repository_list.ts";
import type { ReferrerRow, RepositoryRow } from "../rows.ts";
import type { TaggedReferrers } from "./tagged_referrers.ts";

export interface ListsDeps {
  clock: Clock;
  log: Logger;
  hosting: Pick<Hosting, "isShown">;
  /** PDSes that hang; lists do not wait for them. */
  silence: Pick<PdsSilence, "isSilent">;
  holds: HoldDirectory;
  hidden: Pick<HiddenRepositories, "requireNoneHidden" | "requireRead">;
  index: ManifestIndex;
  repositories: RepositoryList;
  content: ManifestContent;
  discovery: Discovery;
  names: OwnerNames;
  taggedReferrers: TaggedReferrers;
}

/** One page; `next` is the entry after which the list continues. */
export interface ListPage<T> {
  items: readonly T[];
  next: T | undefined;
  /** A sentence that says why entries may be missing; undefined when the list is complete. */
  doubt?: string | undefined;
}

/** Maximum entries of one page. */
export const PAGE = { tags: 10_000, referrers: 500, catalog: 1_000 } as const;

/** Maximum bytes of one page of referrers: clients refuse indexes above 4 MiB. */
const REFERRERS_PAGE_BYTES = 3 * 1024 * 1024;

/** How long a list waits for the owner's PDS in milliseconds: without and with known entries, and while it hangs. */
const FIRST_WAIT_MS = 10_000;
const KNOWN_WAIT_MS = 2_000;
const HANGING_WAIT_MS = 200;

/** Repositories whose holds are queried together. */
const BUNCH = 200;

/** Catalogs built concurrently; others wait. */
const MAX_CATALOGS = 4;

/** Lists tags, referrers and repositories. */
export class Lists {
  readonly #deps: ListsDeps;
  readonly #readable: ReadableHolds;
  readonly #catalogs = new Semaphore(MAX_CATALOGS);
  readonly #late: Record<"first" | "known" | "hanging", LateCalls>;

  constructor(deps: ListsDeps) {
    this.#deps = deps;
    const { clock } = deps;
    this.#late = {
      first: new LateCalls(clock, FIRST_WAIT_MS),
      known: new LateCalls(clock, KNOWN_WAIT_MS),
      hanging: new LateCalls(clock, HANGING_WAIT_MS),
    };
    this.#readable = new ReadableHolds(deps);
  }

  /**
   * Tags in byte order (end-8). Throws AppError `NAME_UNKNOWN` for a repository
   * that never had content, or the error of reading the owner's PDS.
   */
  async tags(
    owner: Identity,
    repo: string,
    options: { caller: Caller; n: number; last?: string; admit?: Admit },
  ): Promise<ListPage<string>> {
    const { index, names, hidden } = this.#deps;
    const { caller } = options;
    const ref = { did: owner.did, repo };
    const known = await index.repository(ref);
    // Before anything is read.
    if (known) await hidden.requireRead(owner.did, known.holdDid, caller);
    const extents: Extent[] = [];
    const { row = known, problem } = await this.#discover(
      owner,
      known,
      async () => {
        extents.push(await names.ensureTags(owner, options.admit));
        return known ?? await names.repository(owner, repo);
      },
    );
    if (!row) {
      await hidden.requireNoneHidden(owner.did, caller);
      if (extents.includes("reading")) throw stillReading(owner);
      throw problem ?? new AppError(
        "NAME_UNKNOWN",
        `There is no repository ${repo} of ${owner.handle ?? owner.did}.`,
      );
    }
    if (!known) await hidden.requireRead(owner.did, row.holdDid, caller);
    const last = options.last === undefined ? {} : { last: options.last };
    const limit = options.n === 0 ? 0 : options.n + 1;
    const page = cut(await index.tagNames(ref, { ...last, limit }), options.n);
    return { ...page, doubt: doubtOf(owner, problem, extents) };
  }

  /** Referrers of `subject` (end-12), of one of `artifactTypes` if given. */
  async referrers(
    owner: Identity,
    repo: string,
    subject: Digest,
    options: {
      caller: Caller;
      artifactTypes: readonly string[];
      n?: number;
      last?: Digest;
      admit?: Admit;
    },
  ): Promise<
    Pick<ListPage<Descriptor>, "items" | "doubt"> & { next: Digest | undefined }
  > {
    const { index, names, discovery, hidden } = this.#deps;
    const { caller } = options;
    const known = await index.repository({ did: owner.did, repo });
    if (known) await hidden.requireRead(owner.did, known.holdDid, caller);
    const extents: Extent[] = [];
    const { row = known, problem } = await this.#discover(
      owner,
      known,
      async () => {
        extents.push(
          await names.ensureTags(owner, options.admit),
          await names.ensureReferrers(owner, options.admit),
        );
        return known ?? await names.repository(owner, repo, subject);
      },
    );
    if (!row) await hidden.requireNoneHidden(owner.did, caller);
    else if (!known) await hidden.requireRead(owner.did, row.holdDid, caller);
    const read = await this.#discover(owner, row, async () => {
      const { admit } = options;
      const done = discovery.readReferrers(owner, repo, subject, admit);
      if (await done) return undefined;
      throw stillReading(owner);
    });
    const doubt = doubtOf(owner, problem ?? read.problem, extents);
    const limit = Math.min(options.n ?? PAGE.referrers, PAGE.referrers);
    const wanted = new Set(options.artifactTypes);
    const items: Descriptor[] = [];
    let bytes = 0;
    for await (
      const entry of this.#referrers(owner, repo, subject, options)
    ) {
      if (wanted.size > 0 && !wanted.has(entry.artifactType ?? "")) continue;
      const item = await this.#withAnnotations(entry);
      bytes += JSON.stringify(item).length;
      const full = items.length >= limit ||
        (bytes > REFERRERS_PAGE_BYTES && items.length > 0);
      if (full) return { items, next: items.at(-1)?.digest, doubt };
      items.push(item);
    }
    return { items, next: undefined, doubt };
  }

  /** Repositories that are readable by `readerOf`, owner by owner. */
  async catalog(options: {
    readerOf: (ref: RepoRef) => Caller;
    n: number;
    last?: RepoRef;
  }): Promise<ListPage<RepoRef>> {
    const { last, n, readerOf } = options;
    if (n === 0) return { items: [], next: undefined };
    // Limited concurrency: each may read the names of all repositories.
    return await this.#catalogs.run("", undefined, async () => {
      const readable = this.#readable.begin();
      const items: RepoRef[] = [];
      for await (const bunch of this.#bunches(last)) {
        const allowed = await readable(
          bunch.map(({ ref, row }) => ({
            hold: row.holdDid,
            caller: readerOf(ref),
          })),
        );
        items.push(...bunch.flatMap(({ ref }, i) => allowed[i] ? [ref] : []));
        if (items.length > n) return cut(items, n);
      }
      return cut(items, n);
    });
  }

  /** All repositories after `last`, in batches. */
  async *#bunches(
    last: RepoRef | undefined,
  ): AsyncGenerator<{ ref: RepoRef; row: RepositoryRow }[]> {
    const { repositories, hosting } = this.#deps;
    let bunch: { ref: RepoRef; row: RepositoryRow }[] = [];
    for await (const did of repositories.owners(last?.did)) {
      if (!await hosting.isShown(did)) continue;
      const after = last?.did === did ? { last: last.repo } : {};
      for await (const { repo, row } of repositories.of(did, after)) {
        bunch.push({ ref: { did, repo }, row });
        if (bunch.length < BUNCH) continue;
        yield bunch;
        bunch = [];
      }
    }
    yield bunch;
  }

  /**
   * Reads unknown entries of an owner, with a short wait if some are cached. If
   * the PDS fails, the cached entries are used and the error is returned.
   */
  async #discover<T>(
    owner: Identity,
    known: unknown,
    read: () => Promise<T>,
  ): Promise<{ row?: T; problem?: AppError }> {
    const { log, silence } = this.#deps;
    const usual = known === undefined ? "first" : "known";
    const wait = silence.isSilent(owner.pds) ? "hanging" : usual;
    const late = Promise.withResolvers<never>();
    const inTime = this.#late[wait].add(() => late.reject(stillReading(owner)));
    const reading = read();
    try {
      const row = await Promise.race([reading, late.promise]);
      return row === undefined ? {} : { row };
    } catch (error) {
      reading.catch(() => {}); // it is logged here
      // An inactive account has no lists either.
      if (!isAppError(error) || error.code === "NAME_UNKNOWN") throw error;
      log.warn("records not listed", { did: owner.did, error });
      return { problem: error };
    } finally {
      inTime();
    }
  }

  /** Merges manifests with `subject` and those listed by clients, in digest order. */
  async *#referrers(
    owner: Identity,
    repo: string,
    subject: Digest,
    { last, admit }: { last?: Digest; admit?: Admit },
  ): AsyncGenerator<ReferrerRow> {
    const { index, taggedReferrers } = this.#deps;
    const ref = { did: owner.did, repo };
    const listed = (await taggedReferrers.of(owner, repo, subject, admit))
      .filter(({ digest }) => last === undefined || digest > last);
    const after = last === undefined ? {} : { last };
    for await (const row of index.referrers(ref, subject, after)) {
      while (listed[0] && listed[0].digest < row.digest) {
        yield* listed.splice(0, 1);
      }
      if (listed[0]?.digest === row.digest) listed.shift();
      yield row;
    }
    yield* listed;
  }

  async #withAnnotations(row: ReferrerRow): Promise<Descriptor> {
    const { annotationsInContent, ...descriptor } = row;
    if (!annotationsInContent) return descriptor;
    const bytes = await this.#deps.content.get(row.digest);
    if (!bytes) return descriptor;
    const { annotations } = await readManifestAside(bytes, row.mediaType);
    return { ...descriptor, annotations };
  }
}

/** Truncates a list that was read one entry too far. */
function cut<T>(items: readonly T[], n: number): ListPage<T> {
  if (items.length <= n) return { items, next: undefined };
  const page = items.slice(0, n);
  return { items: page, next: page.at(-1) };
}
