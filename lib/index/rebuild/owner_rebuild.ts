/**
 * Makes the rows of one owner again, beside pushes that go on.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import { isAppError } from "../../errors.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import { deleteFacts, setFacts } from "../cards/facts_rows.ts";
import { cardKeys } from "../cards/kv_keys.ts";
import { contentRow } from "../cards/manifest_facts.ts";
import { addEdit } from "../cards/repository_edit.ts";
import type { CardRow, FactsRow, TagRow } from "../cards/rows.ts";
import { claimOf, withClaim } from "../cards/tag_claims.ts";
import { Recount } from "./recount.ts";
import type {
  KeptManifest,
  KeptTag,
  ListedHandler,
  RebuildSources,
} from "./sources.ts";

export interface OwnerRebuildDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  sources: RebuildSources;
  handlers: readonly ListedHandler[];
}

const ATTEMPTS = 20;

/** What was written a moment before a listing began may be missing from it; milliseconds. */
const RECENT_MS = 60_000;

/** Rebuilds one owner after the other. */
export class OwnerRebuild {
  readonly #deps: OwnerRebuildDeps;
  readonly #recount: Recount;

  constructor(deps: OwnerRebuildDeps) {
    this.#deps = deps;
    this.#recount = new Recount(deps.kv);
  }

  /**
   * Compares the rows of an owner with everything that they come from, and
   * makes them right. False when the owner's repo could not be listed, or its
   * name not be found out: nothing is taken away then.
   */
  async run(did: Did, signal: AbortSignal): Promise<boolean> {
    const { sources } = this.#deps;
    for await (const kept of sources.manifests(did)) {
      signal.throwIfAborted();
      await this.#keepManifest(did, kept);
    }
    const isListed = await this.#list(did, signal);
    if (!isListed) {
      for await (const kept of sources.tags(did)) {
        signal.throwIfAborted();
        await this.#keepTag(did, kept);
      }
    }
    await this.#recount.owner(did, signal);
    const isNamed = await this.#name(did, signal);
    return isListed && isNamed;
  }

  async #name(did: Did, signal: AbortSignal): Promise<boolean> {
    const { log, sources } = this.#deps;
    try {
      await sources.person?.(did, signal);
      return true;
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.warn("an owner not looked up", { did, error });
      return false;
    }
  }

  /** The bytes say more than any record. */
  async #keepManifest(did: Did, kept: KeptManifest): Promise<void> {
    const { kv } = this.#deps;
    const { digest, manifest, repo, holdDid, createdAt, rkey } = kept;
    const key = cardKeys.manifest(did, digest);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await kv.get<FactsRow>(key);
      const old = entry?.value;
      const place = old ?? {
        ...{ repo, holdDid, createdAt },
        ...(rkey === undefined ? {} : { rkey }),
      };
      const next: FactsRow = {
        ...contentRow(manifest),
        ...{ repo: place.repo, holdDid: place.holdDid },
        createdAt: place.createdAt,
        exact: true,
        ...(place.rkey === undefined ? {} : { rkey: place.rkey }),
        ...(old?.rev === undefined ? {} : { rev: old.rev }),
      };
      if (isDeepStrictEqual(old, next)) return;
      const commit = kv.atomic().check(key, entry?.versionstamp ?? null);
      if (old) deleteFacts(commit, did, digest, old);
      setFacts(commit, did, digest, next);
      if (await commit.commit()) return;
    }
  }

  /** Takes all records of the owner's repo, and takes away what it does not have. */
  async #list(did: Did, signal: AbortSignal): Promise<boolean> {
    const { handlers, log, sources, clock } = this.#deps;
    const begun = clock.now();
    try {
      for (const handler of handlers) {
        for (const collection of handler.collections) {
          const change = { did, collection, rev: undefined, cid: undefined };
          const listed = new Set<string>();
          for await (
            const { rkey, value } of sources.records(did, collection)
          ) {
            signal.throwIfAborted();
            listed.add(rkey);
            const at = clock.now();
            await handler.apply({ ...change, rkey, at, record: value });
          }
          for await (const { rkey, at } of handler.known(did, collection)) {
            if (listed.has(rkey) || at > begun - RECENT_MS) continue;
            await handler.apply({
              ...change,
              rkey,
              at: begun,
              record: undefined,
            });
          }
        }
      }
      return true;
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.warn("records of an owner not listed", { did, error });
      return false;
    }
  }

  /** While the owner's repo cannot be listed, what the registry keeps counts. */
  async #keepTag(
    did: Did,
    { repo, tag, digest, at, rkey }: KeptTag,
  ): Promise<void> {
    const { kv } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const [card, row] = await kv.getMany<unknown>([
        cardKeys.card(did, repo),
        cardKeys.tag(did, repo, tag),
      ]) as [Entry<CardRow> | undefined, Entry<TagRow> | undefined];
      const before = row?.value;
      const known = claimOf(before, rkey);
      if (known && known.at >= at) return;
      const after = withClaim(before, { rkey, digest, at });
      const commit = kv.atomic();
      await addEdit(kv, commit, {
        ref: { did, repo },
        card,
        tags: [{ tag, before, after }],
      });
      if (await commit.commit()) return;
    }
  }
}
