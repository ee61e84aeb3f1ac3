/**
 * What happens to repositories with the accounts of their owners.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { AccountHandler, AccountStatus } from "../record_change.ts";
import type { OwnerNames } from "../search/owner_names.ts";
import { editCard } from "./card_edit.ts";
import { deleteFacts } from "./facts_rows.ts";
import { cardKeys, digestOfPart } from "./kv_keys.ts";
import type { CardRow, FactsRow, TagRow } from "./rows.ts";
import { addEdit } from "./repository_edit.ts";

/** Tags that one commit removes. */
const TAGS_PER_COMMIT = 150;

/** Hides the repositories of accounts that the network does not show, and removes those of deleted ones. */
export class RepositoryAccounts implements AccountHandler {
  readonly #kv: Kv;
  readonly #owners: OwnerNames;

  constructor(kv: Kv, owners: OwnerNames) {
    this.#kv = kv;
    this.#owners = owners;
  }

  async account(did: Did, status: AccountStatus): Promise<void> {
    if (status === "deleted") return await this.forget(did);
    const isHidden = status !== "active";
    await this.#owners.setHidden(did, isHidden);
    const prefix = cardKeys.cards(did);
    for await (const { key } of this.#kv.list({ prefix })) {
      const ref = { did, repo: String(key.at(-1)) };
      await editCard(this.#kv, ref, ({ hidden: _, ...card }) => ({
        ...card,
        ...(isHidden ? { hidden: true } : {}),
      }));
    }
  }

  async identity(did: Did, handle: string | undefined): Promise<void> {
    await this.#owners.setHandle(did, handle);
  }

  /**
   * Removes all rows of an owner; done again it finds what is left. Throws the
   * reason of `signal`.
   */
  async forget(did: Did, signal?: AbortSignal): Promise<void> {
    const kv = this.#kv;
    const cards = cardKeys.cards(did);
    for await (const { key } of kv.list<CardRow>({ prefix: cards })) {
      await this.#removeRepository(did, String(key.at(-1)), signal);
    }
    const manifests = cardKeys.manifests(did);
    for await (
      const { key, value } of kv.list<FactsRow>({ prefix: manifests })
    ) {
      signal?.throwIfAborted();
      const commit = kv.atomic();
      deleteFacts(
        commit,
        did,
        digestOfPart(key.at(-1)),
        value,
      );
      await commit.commit();
    }
    const rest = kv.atomic().delete(cardKeys.bound(did))
      .delete(cardKeys.count(did, "tags"))
      .delete(cardKeys.count(did, "repositories"));
    await rest.commit();
    await this.#owners.remove(did);
  }

  async #removeRepository(
    did: Did,
    repo: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const kv = this.#kv;
    const prefix = cardKeys.tags(did, repo);
    for (;;) {
      signal?.throwIfAborted();
      const card = await kv.get<CardRow>(cardKeys.card(did, repo));
      const rows = await Array.fromAsync(
        kv.list<TagRow>({ prefix }, { limit: TAGS_PER_COMMIT }),
      );
      if (rows.length === 0) break;
      const commit = kv.atomic();
      const tags = rows.map(({ key, value }) => ({
        tag: String(key.at(-1)),
        before: value,
        after: undefined,
      }));
      for (const { rkey } of rows.flatMap(({ value }) => value)) {
        commit.delete(cardKeys.tagRecord(did, rkey));
      }
      await addEdit(kv, commit, { ref: { did, repo }, card, tags });
      await commit.commit();
    }
    const nothing = { tags: 0, stars: 0, pulls: 0 };
    await editCard(kv, { did, repo }, () => nothing);
  }
}
