/**
 * Repositories and tags with the names of their owners, as scripts, feeds and
 * badges ask for them.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { DailyPulls, Pulls } from "../counts/pulls.ts";
import type { Page, PageRequest } from "../cursor.ts";
import type {
  CardFilter,
  CardReads,
  ListedRepository,
} from "../reads/card_reads.ts";
import type { ManifestReads } from "../reads/manifest_reads.ts";
import type { ListedMove, ListedTag, TagReads } from "../reads/tag_reads.ts";
import type { MayRead } from "../reading.ts";
import type { SearchOptions } from "../search/query.ts";
import type { Search, SearchPage } from "../search/search.ts";
import type { RepoRef } from "../visible.ts";
import type { AccountName, AccountNames } from "./account_names.ts";

/** A repository with the name of its owner. */
export interface NamedRepository extends ListedRepository {
  readonly owner: AccountName;
}

/** A repository with its counts. */
export interface RepositoryDetail extends NamedRepository {
  readonly pulls: DailyPulls & {
    /** All pulls that are known. */
    readonly total: number;
  };
}

/** What a search found, with the names of owners. */
export interface NamedSearchPage extends Page<NamedRepository> {
  /** The image that was named in full. */
  readonly exact:
    | Pick<NonNullable<SearchPage["exact"]>, "reference">
      & NamedRepository
    | undefined;
  readonly suggestions: readonly string[];
}

/** How tags are listed. */
export interface TagListing extends PageRequest {
  readonly order: "newest" | "name";
}

export interface RepositoryCatalogDeps {
  readonly names: AccountNames;
  readonly cards: CardReads;
  readonly tags: TagReads;
  readonly manifests: Pick<ManifestReads, "manifest">;
  readonly search: Search;
  readonly pulls: Pick<Pulls, "totals" | "daily">;
}

/** The platform that people ask for most. */
const USUAL = "linux/amd64";

/**
 * Answers for one client each; `mayRead` says where it may pull. All lists
 * throw AppError `INVALID_REQUEST` for a bad cursor or limit.
 */
export class RepositoryCatalog {
  readonly #deps: RepositoryCatalogDeps;

  constructor(deps: RepositoryCatalogDeps) {
    this.#deps = deps;
  }

  /** Repositories of everybody, or of `owner`, those pushed to last first. */
  async newest(
    { owner, ...options }: PageRequest & CardFilter & {
      readonly owner?: Did | undefined;
    },
    mayRead: MayRead,
  ): Promise<Page<NamedRepository>> {
    const { cards } = this.#deps;
    const page = owner === undefined
      ? await cards.newest(options, mayRead)
      : await cards.newestOf(owner, options, mayRead);
    return { ...page, items: await this.#named(page.items) };
  }

  /** What fits a search. Throws as {@linkcode Search.find}. */
  async find(
    options: SearchOptions,
    mayRead: MayRead,
  ): Promise<NamedSearchPage> {
    const found = await this.#deps.search.find(options, mayRead);
    const { exact, items } = found;
    const named = await this.#named(exact ? [exact, ...items] : items);
    const [first] = named;
    return {
      ...found,
      items: exact ? named.slice(1) : named,
      exact: exact && first && { ...first, reference: exact.reference },
    };
  }

  /** One repository. Throws AppError `NAME_UNKNOWN` where the client sees none. */
  async get(ref: RepoRef, mayRead: MayRead): Promise<RepositoryDetail> {
    const { pulls } = this.#deps;
    const [named] = await this.#named([await this.#listed(ref, mayRead)]);
    const [[total = 0], daily] = await Promise.all([
      pulls.totals([ref]),
      pulls.daily(ref),
    ]);
    if (!named) throw unknown();
    return { ...named, pulls: { ...daily, total } };
  }

  /**
   * Bytes of the newest image as stored: of an index those for linux/amd64,
   * else of the first one that is known; undefined when none is.
   */
  async size(
    { did, card }: ListedRepository,
    mayRead: MayRead,
  ): Promise<number | undefined> {
    const { image, newest } = card;
    if (!newest || image?.size !== undefined) return image?.size;
    const { manifests } = this.#deps;
    const found = await manifests.manifest(did, newest.digest, mayRead);
    const images = found?.children.filter(({ platform, size }) =>
      platform !== undefined && size !== undefined
    );
    const usual = images?.find(({ platform }) => platform === USUAL);
    return (usual ?? images?.[0])?.size;
  }

  /** Tags of a repository. Throws AppError `NAME_UNKNOWN` where the client sees none. */
  async tags(
    ref: RepoRef,
    { order, ...options }: TagListing,
    mayRead: MayRead,
  ): Promise<Page<ListedTag>> {
    const { tags } = this.#deps;
    await this.#listed(ref, mayRead);
    const { did, repo } = ref;
    return order === "newest"
      ? await tags.newest(did, repo, options, mayRead)
      : await tags.byName(did, repo, options, mayRead);
  }

  /** Moves of a tag, the last one first. Throws AppError `NAME_UNKNOWN` where the client sees no such repository. */
  moves(
    { did, repo }: RepoRef,
    tag: string,
    options: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<ListedMove>> {
    return this.#deps.tags.history(did, repo, tag, options, mayRead);
  }

  async #listed(
    { did, repo }: RepoRef,
    mayRead: MayRead,
  ): Promise<ListedRepository> {
    const card = await this.#deps.cards.card(did, repo, mayRead);
    if (!card) throw unknown();
    return { did, repo, card };
  }

  async #named(
    listed: readonly ListedRepository[],
  ): Promise<NamedRepository[]> {
    const names = await this.#deps.names.read(listed.map(({ did }) => did));
    return listed.map((one) => ({ ...one, owner: names.of(one.did) }));
  }
}

/** What is hidden from the client looks as if it did not exist. */
function unknown(): AppError {
  return new AppError(
    "NAME_UNKNOWN",
    "There is no such repository, or it is private; sign in as crew of its hold to see it.",
  );
}
