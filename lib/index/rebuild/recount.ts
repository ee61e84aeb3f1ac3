/**
 * Makes cards and orders follow again from the rows of tags and manifests.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Entry, Key, Kv } from "../../kv/kv.ts";
import { isDeepStrictEqual } from "node:util";
import { rowsOfFacts } from "../cards/facts_rows.ts";
import { rowsOfTag } from "../cards/tag_rows.ts";
import { cardKeys, digestOfPart } from "../cards/kv_keys.ts";
import { imageRow } from "../cards/manifest_facts.ts";
import {
  EMPTY_CARD,
  type RepoRef,
  rewriteCard,
} from "../cards/repository_edit.ts";
import type { CardRow, FactsRow, TagRow } from "../cards/rows.ts";
import { namesBelow } from "./names_below.ts";

const ATTEMPTS = 20;

/** Rows that are looked at together. */
const CHUNK = 100;

type Newest = NonNullable<CardRow["newest"]>;

/** Recounts repositories. */
export class Recount {
  readonly #kv: Kv;

  constructor(kv: Kv) {
    this.#kv = kv;
  }

  /** Recounts all repositories of an owner. */
  async owner(did: Did, signal: AbortSignal): Promise<void> {
    const kv = this.#kv;
    const repos = new Set<string>();
    for (const prefix of [cardKeys.cards(did), cardKeys.allTags(did)]) {
      for await (const repo of namesBelow(kv, prefix)) repos.add(repo);
    }
    await this.#restore<FactsRow>(
      cardKeys.manifests(did),
      ({ key, value }) => rowsOfFacts(did, digestOfPart(key.at(-1)), value),
    );
    let [tags, repositories] = [0, 0];
    for (const repo of repos) {
      signal.throwIfAborted();
      const count = await this.#repository({ did, repo });
      tags += count;
      repositories += Number(count > 0);
    }
    await this.#setCounter(cardKeys.count(did, "tags"), tags);
    await this.#setCounter(cardKeys.count(did, "repositories"), repositories);
  }

  /** How many tags the repository has. */
  async #repository(ref: RepoRef): Promise<number> {
    const { did, repo } = ref;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const card = await this.#kv.get<CardRow>(cardKeys.card(did, repo));
      const { count, newest } = await this.#tags(ref);
      const facts = newest &&
        (await this.#kv.get<FactsRow>(cardKeys.manifest(did, newest.digest)))
          ?.value;
      const { newest: _, image: __, ...rest } = card?.value ?? EMPTY_CARD;
      const after: CardRow = {
        ...rest,
        tags: count,
        ...(newest ? { newest } : {}),
        ...(facts ? { image: imageRow(facts) } : {}),
      };
      const commit = this.#kv.atomic();
      rewriteCard(commit, ref, card, after);
      if (await commit.commit()) return count;
    }
    return 0;
  }

  /** Counts the tags, and stores what is missing of the rows that follow from them. */
  async #tags(
    { did, repo }: RepoRef,
  ): Promise<{ count: number; newest: Newest | undefined }> {
    let count = 0;
    let newest: Newest | undefined;
    const prefix = cardKeys.tags(did, repo);
    await this.#restore<TagRow>(prefix, ({ key, value }) => {
      const [{ digest, at }] = value;
      const tag = String(key.at(-1));
      count++;
      // In byte order of the names: of two with one time the first counts.
      if (!newest || at > newest.at) newest = { tag, digest, at };
      return rowsOfTag(did, repo, tag, value);
    });
    return { count, newest };
  }

  /** Stores what is missing of the rows that follow from those below `prefix`. */
  async #restore<T>(
    prefix: Key,
    rowsOf: (entry: Entry<T>) => readonly { key: Key; value: unknown }[],
  ): Promise<void> {
    const kv = this.#kv;
    let chunk: { base: Entry<T>; key: Key; value: unknown }[] = [];
    const flush = async () => {
      const found = await kv.getMany(chunk.map(({ key }) => key));
      for (const [i, { base, key, value }] of chunk.entries()) {
        if (isDeepStrictEqual(found[i]?.value, value)) continue;
        // What changed meanwhile has stored its own rows.
        await kv.atomic().check(base.key, base.versionstamp).set(key, value)
          .commit();
      }
      chunk = [];
    };
    for await (const base of kv.list<T>({ prefix })) {
      chunk.push(...rowsOf(base).map((row) => ({ base, ...row })));
      if (chunk.length >= CHUNK) await flush();
    }
    await flush();
  }

  async #setCounter(key: Key, count: number): Promise<void> {
    const entry = await this.#kv.get<Deno.KvU64>(key);
    const change = BigInt(count) - (entry?.value.value ?? 0n);
    if (change === 0n) return;
    // Where it changed meanwhile the next run finds it.
    await this.#kv.atomic().check(key, entry?.versionstamp ?? null)
      .sum(key, change).commit();
  }
}
