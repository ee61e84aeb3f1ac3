/**
 * Facts of a manifest, and what it is related to.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { limitOf, type Page, type PageRequest } from "../cursor.ts";
import { cursorOf, type MayRead, readCursor, Reading } from "../reading.ts";
import type { IndexWatch } from "../watch.ts";
import { visibleCards } from "./card_reads.ts";
import { cardKeys, digestOfPart } from "../cards/kv_keys.ts";
import type { ChildRow, FactsRow } from "../cards/rows.ts";

/** A child of an index with its size, where its manifest is known. */
export interface SizedChild extends ChildRow {
  /** Bytes of config and layers as they are stored. */
  readonly size: number | undefined;
}

/** A manifest with its children. */
export interface ManifestFacts {
  readonly facts: FactsRow;
  readonly children: readonly SizedChild[];
}

/** A manifest of an owner, by the repository that its record names. */
export interface ManifestPlace {
  readonly did: Did;
  readonly repo: string;
  readonly digest: Digest;
}

export interface ManifestReadsDeps {
  kv: Kv;
  watch: IndexWatch;
}

/** Manifests of one owner that are looked at for a layer; base images are in all of them. */
const MAX_OF_OWNER = 20;

/** Rows of a layer that are read together. */
const CHUNK = 100;

/** Reads facts of manifests. */
export class ManifestReads {
  readonly #deps: ManifestReadsDeps;

  constructor(deps: ManifestReadsDeps) {
    this.#deps = deps;
  }

  /** A manifest; undefined when it is not known, or lies where the client may not read. */
  async manifest(
    did: Did,
    digest: Digest,
    mayRead: MayRead,
  ): Promise<ManifestFacts | undefined> {
    const reading = new Reading(this.#deps.kv, mayRead);
    const facts = await reading.one<FactsRow>(cardKeys.manifest(did, digest));
    if (!facts || !await reading.mayRead(facts.holdDid)) return undefined;
    const { children = [] } = facts;
    const known = await reading.many<FactsRow>(
      children.map((child) => cardKeys.manifest(did, child.digest)),
    );
    return {
      facts,
      children: children.map((child, i) => ({
        ...child,
        size: known[i]?.size,
      })),
    };
  }

  /** Repositories that have a layer of at least 1 MB, one manifest of each; of one owner the first few only, which may go beyond the limit. */
  async sharing(
    layer: Digest,
    options: PageRequest,
    mayRead: MayRead,
  ): Promise<Page<ManifestPlace>> {
    const limit = limitOf(options);
    const [first] = readCursor("sharing", options.cursor, ["string"]) ?? [];
    const reading = new Reading(this.#deps.kv, mayRead);
    const prefix = cardKeys.layers(layer);
    let start: Key | undefined = first === undefined
      ? undefined
      : [...prefix, `${first}\0`];
    const items: ManifestPlace[] = [];
    let last: Did | undefined;
    for (;;) {
      const rows = await reading.list(
        start ? { prefix, start } : { prefix },
        CHUNK,
      );
      const owners = Map.groupBy(rows, ({ key }) => key.at(-2) as Did);
      const some = [...owners].flatMap(([did, ofOwner]) =>
        ofOwner.slice(0, MAX_OF_OWNER)
          .map(({ key }) => ({ did, digest: digestOfPart(key.at(-1)) }))
      );
      const found = Map.groupBy(
        await this.#visible(reading, some),
        ({ did }) => did,
      );
      for (const did of owners.keys()) {
        last = did;
        const places = found.get(did) ?? [];
        items.push(...new Map(places.map((one) => [one.repo, one])).values());
        if (items.length >= limit) break;
      }
      const isEnd = rows.length < CHUNK && !reading.isSpent;
      if (isEnd && last === [...owners.keys()].at(-1)) last = undefined;
      if (isEnd || items.length >= limit || reading.isSpent) break;
      // The rest of the last owner is left out.
      start = [...prefix, `${last}\0`];
    }
    reading.end(this.#deps.watch, "sharing");
    return { items, cursor: last && cursorOf("sharing", [last]) };
  }

  /** Those of the manifests that are shown to the client. */
  async #visible(
    reading: Reading,
    places: readonly Omit<ManifestPlace, "repo">[],
  ): Promise<ManifestPlace[]> {
    const facts = await reading.many<FactsRow>(
      places.map(({ did, digest }) => cardKeys.manifest(did, digest)),
    );
    const found = places.flatMap((place, i) => {
      const row = facts[i];
      return row ? [{ ...place, repo: row.repo, holdDid: row.holdDid }] : [];
    });
    const cards = await visibleCards(reading, found);
    const may = await Promise.all(
      found.map(({ holdDid }) => reading.mayRead(holdDid)),
    );
    return found.filter((_, i) => cards[i] && may[i])
      .map(({ did, repo, digest }) => ({ did, repo, digest }));
  }
}
