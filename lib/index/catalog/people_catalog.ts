/**
 * Accounts, what they did, what they star, and what is popular, with names, as
 * scripts and feeds ask for them.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Activities } from "../counts/activity.ts";
import type { Activity } from "../counts/activity_rows.ts";
import type { BoardEntry } from "../counts/board_scores.ts";
import type { BoardKind, Boards, BoardWindow } from "../counts/boards.ts";
import type { Page, PageRequest } from "../cursor.ts";
import type { Actor } from "../people/actor_rows.ts";
import type { Actors } from "../people/actors.ts";
import type { Pins } from "../people/pins.ts";
import type { StarIndex } from "../people/star_index.ts";
import type { Star } from "../people/star_rows.ts";
import type { MayRead } from "../reading.ts";
import type { RepoRef, Visible } from "../visible.ts";
import type {
  AccountName,
  AccountNames,
  NamesOfAccounts,
} from "./account_names.ts";

/** An account with what it shows first. */
export interface Person extends Actor {
  readonly pins: readonly (RepoRef & { readonly owner: AccountName })[];
}

/** Something that happened, with names. */
export interface NamedActivity {
  readonly what: Activity;
  readonly actor: AccountName;
  readonly owner: AccountName;
}

/** A star, with names. */
export interface NamedStar {
  readonly star: Star;
  readonly actor: AccountName;
  readonly owner: AccountName;
}

/** A board, with names. */
export interface NamedBoard {
  /** When it was made, in milliseconds since the Unix epoch; undefined before the first time. */
  readonly madeAt: number | undefined;
  readonly entries: readonly (BoardEntry & { readonly owner: AccountName })[];
}

export interface PeopleCatalogDeps {
  readonly names: AccountNames;
  readonly actors: Pick<Actors, "find">;
  readonly pins: Pick<Pins, "get">;
  readonly activities: Pick<Activities, "all" | "ofAccount">;
  readonly boards: Pick<Boards, "get">;
  readonly stars: Pick<StarIndex, "byActor" | "byRepository">;
  readonly visible: Visible;
}

/**
 * Answers for one client each; `mayRead` says where it may pull. All lists
 * throw AppError `INVALID_REQUEST` for a bad cursor or limit.
 */
export class PeopleCatalog {
  readonly #deps: PeopleCatalogDeps;

  constructor(deps: PeopleCatalogDeps) {
    this.#deps = deps;
  }

  /** An account. Throws AppError `NAME_UNKNOWN` for one that is not known here. */
  async person(did: Did, mayRead: MayRead): Promise<Person> {
    const { actors, pins, names, visible } = this.#deps;
    const actor = await actors.find(did);
    if (!actor) {
      throw new AppError(
        "NAME_UNKNOWN",
        `The account ${did} is not known here.`,
      );
    }
    if (actor.status !== "active") return { ...actor, pins: [] };
    const pinned = await pins.get(did);
    const [seen, named] = await Promise.all([
      visible(pinned, mayRead),
      names.read(pinned.map((one) => one.did)),
    ]);
    return {
      ...actor,
      pins: pinned.filter((_, i) => seen[i])
        .map((one) => ({ ...one, owner: named.of(one.did) })),
    };
  }

  /** What everybody did, or `actor`, newest first. A page may be short, or empty, and have a cursor. */
  async activity(
    { actor, ...request }: PageRequest & { readonly actor?: Did | undefined },
    mayRead: MayRead,
  ): Promise<Page<NamedActivity>> {
    const { activities } = this.#deps;
    const { items, cursor } = actor === undefined
      ? await activities.all(request, mayRead)
      : await activities.ofAccount(actor, request, mayRead);
    const names = await this.#namesOf(items);
    return {
      cursor,
      items: items.map((what) => ({
        what,
        actor: names.of(what.actor),
        owner: names.of(what.did),
      })),
    };
  }

  /** A board. Throws AppError `NOT_FOUND` where there is no such board. */
  async board(
    kind: BoardKind,
    window: BoardWindow,
    mayRead: MayRead,
  ): Promise<NamedBoard> {
    const { boards, names } = this.#deps;
    const { madeAt, entries } = await boards.get(kind, window, mayRead);
    const named = await names.read(entries.map(({ did }) => did));
    return {
      madeAt,
      entries: entries.map((entry) => ({
        ...entry,
        owner: named.of(entry.did),
      })),
    };
  }

  /** Who stars a repository. Throws AppError `NAME_UNKNOWN` where the client sees no such repository. */
  async starsOf(
    ref: RepoRef,
    request: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<NamedStar>> {
    const { stars, visible } = this.#deps;
    const [isVisible] = await visible([ref], mayRead);
    if (!isVisible) {
      throw new AppError("NAME_UNKNOWN", "There is no such repository.");
    }
    return await this.#stars(await stars.byRepository(ref, request));
  }

  /** What an account stars, newest first. A page may be short, or empty, and have a cursor. */
  async starredBy(
    actor: Did,
    request: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<NamedStar>> {
    const { stars, visible } = this.#deps;
    const { items, cursor } = await stars.byActor(actor, request);
    const seen = await visible(items, mayRead);
    return await this.#stars({
      items: items.filter((_, i) => seen[i]),
      cursor,
    });
  }

  async #stars({ items, cursor }: Page<Star>): Promise<Page<NamedStar>> {
    const names = await this.#namesOf(items);
    return {
      cursor,
      items: items.map((star) => ({
        star,
        actor: names.of(star.actor),
        owner: names.of(star.did),
      })),
    };
  }

  #namesOf(
    items: readonly { readonly actor: Did; readonly did: Did }[],
  ): Promise<NamesOfAccounts> {
    return this.#deps.names.read(
      items.flatMap(({ actor, did }) => [actor, did]),
    );
  }
}
