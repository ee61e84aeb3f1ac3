/**
 * Lists of tags with what people decide by: age, size, platforms, and which
 * other tags stand for the same image.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import type { Caller, HoldDirectory } from "../../hold_api/hold_client.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { registryKeys } from "../kv_keys.ts";
import type { Lists } from "../lists/lists.ts";
import type { ManifestIndex, RepoRef } from "../manifests/manifest_index.ts";
import type { Admit } from "../../async/admitted_flight.ts";
import { isHeard, isRemoved, type StoredTagRow } from "../rows.ts";
import type { ImageSummaries, ImageSummary } from "./image_summary.ts";
import { Reader } from "./reader.ts";
import type { OrderedTag, TagOrder } from "./tag_order.ts";

/** A tag in a list. */
export interface ListedTag {
  readonly tag: string;
  /** Undefined when the image was never requested here and its record does not say. */
  readonly digest: Digest | undefined;
  /** When it was set, in milliseconds since the Unix epoch. */
  readonly at: number | undefined;
  /** Other tags of the same image, the first few. */
  readonly aliases: readonly string[];
  readonly image: ImageSummary | undefined;
}

/** Part of a list of tags. */
export interface TagListPage {
  readonly items: readonly ListedTag[];
  /** Where the list goes on. */
  readonly cursor: string | undefined;
  /** How many tags there are, or fit the filter; undefined when they were not counted. */
  readonly count: number | undefined;
  /** A sentence that says why tags may be missing. */
  readonly doubt: string | undefined;
}

/** How tags are listed. */
export interface TagListOptions {
  readonly caller: Caller;
  readonly order: "newest" | "name";
  /** Part of the names, in any case. */
  readonly filter?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
  readonly admit?: Admit;
}

export interface TagListDeps {
  kv: Kv;
  holds: HoldDirectory;
  index: Pick<
    ManifestIndex,
    "tagNames" | "storedTags" | "removals" | "manifests"
  >;
  lists: Pick<Lists, "tags">;
  summaries: ImageSummaries;
  order: TagOrder;
}

/** Names that are sorted or filtered together; more are listed in byte order. */
const MAX_NAMES = 20_000;

/** Tags that are put in order by their time together. */
const MAX_TIMES = 1_000;

const MAX_ALIASES = 8;

const collator = new Intl.Collator("en", { numeric: true });

/** Lists tags. */
export class TagList {
  readonly #deps: TagListDeps;

  constructor(deps: TagListDeps) {
    this.#deps = deps;
  }

  /** One page. Throws what {@linkcode Lists.tags} throws. */
  async list(
    owner: Identity,
    repo: string,
    options: TagListOptions,
  ): Promise<TagListPage> {
    const { caller, admit } = options;
    const ref = { did: owner.did, repo };
    // Decides who may read, and learns what others have pushed.
    const { doubt } = await this.#deps.lists.tags(owner, repo, {
      caller,
      n: 0,
      ...(admit ? { admit } : {}),
    });
    const reader = new Reader(this.#deps.holds, caller);
    const { names, cursor, count, known } = await this.#names(
      ref,
      options,
      reader,
    );
    const rows = await this.#rows(ref, names);
    const items = await Promise.all(
      names.map((tag, i) =>
        this.#listed(ref, tag, rows[i], reader, known?.[i])
      ),
    );
    return {
      items: items.filter((item) => item !== undefined),
      ...{ cursor, count, doubt },
    };
  }

  /** Tags of an image, in byte order, the first `limit`. */
  async aliases(
    ref: RepoRef,
    digest: Digest,
    limit: number = MAX_ALIASES + 1,
  ): Promise<string[]> {
    const prefix = registryKeys.manifestTags(ref.did, ref.repo, digest);
    const entries = this.#deps.kv.list({ prefix }, { limit });
    return await Array.fromAsync(entries, ({ key }) => String(key.at(-1)));
  }

  async #names(
    ref: RepoRef,
    options: TagListOptions,
    reader: Reader,
  ): Promise<Names> {
    const { order, index } = this.#deps;
    const { limit, cursor } = options;
    const filter = options.filter?.trim().toLowerCase() ?? "";
    if (options.order === "newest" && filter === "") {
      const page = { limit, cursor };
      const newest = await order.newest(
        ref.did,
        ref.repo,
        page,
        reader.mayRead,
      );
      if (newest.items.length > 0 || cursor !== undefined) {
        const count = await order.count(ref.did, ref.repo, reader.mayRead);
        const names = newest.items.map(({ tag }) => tag);
        return { names, count, cursor: newest.cursor, known: newest.items };
      }
    }
    const all = await index.tagNames(ref, { limit: MAX_NAMES });
    const fitting = filter === ""
      ? [...all]
      : all.filter((name) => name.toLowerCase().includes(filter));
    const sorted = options.order === "name" || fitting.length > MAX_TIMES
      ? fitting.sort(collator.compare)
      : await this.#byTime(ref, fitting);
    const from = placeOf(cursor);
    const isEnd = from + limit >= sorted.length;
    return {
      names: sorted.slice(from, from + limit),
      cursor: isEnd ? undefined : String(from + limit),
      count: sorted.length,
    };
  }

  async #byTime(ref: RepoRef, names: readonly string[]): Promise<string[]> {
    const rows = await this.#rows(ref, names);
    const timeOf = (row: typeof rows[number]) =>
      row && row !== "removed" && !isHeard(row) ? row.updatedAt : 0;
    return names.map((name, i) => ({ name, at: timeOf(rows[i]) }))
      .sort((a, b) => b.at - a.at || collator.compare(a.name, b.name))
      .map(({ name }) => name);
  }

  /** Rows of tags, as far as there are any. */
  async #rows(
    ref: RepoRef,
    names: readonly string[],
  ): Promise<(StoredTagRow | "removed" | undefined)[]> {
    const { index } = this.#deps;
    const removals = await index.removals.read(ref);
    const rows = await index.storedTags(ref, names);
    return rows.map((row) => row && isRemoved(row, removals) ? "removed" : row);
  }

  /** Undefined for what is gone, or lies where the reader may not read. */
  async #listed(
    ref: RepoRef,
    tag: string,
    row: StoredTagRow | "removed" | undefined,
    reader: Reader,
    known: OrderedTag | undefined,
  ): Promise<ListedTag | undefined> {
    if (row === "removed" || !row && !known) return undefined;
    if (!row || isHeard(row)) {
      // It was pushed by way of another service, and not requested here yet.
      const { digest = row?.digest, at } = known ?? {};
      return { tag, digest, at, aliases: [], image: undefined };
    }
    if (!await reader.mayRead(row.holdDid)) return undefined;
    const { digest, updatedAt: at } = row;
    const [all, image] = await Promise.all([
      this.aliases(ref, digest),
      this.#deps.summaries.get(ref, digest, row, reader),
    ]);
    const aliases = all.filter((one) => one !== tag).slice(0, MAX_ALIASES);
    return { tag, digest, at, aliases, image };
  }
}

interface Names {
  readonly names: readonly string[];
  readonly cursor: string | undefined;
  readonly count: number | undefined;
  /** What the index knows of each, where the order comes from it. */
  readonly known?: readonly OrderedTag[];
}

/** A place in a sorted list; what is none begins again. */
function placeOf(cursor: string | undefined): number {
  const place = Number(cursor ?? 0);
  return Number.isSafeInteger(place) && place >= 0 ? place : 0;
}
