/**
 * The parts of the index that a rebuild makes again, over one store, for tests.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Kv } from "../../kv/kv.ts";
import type { ManualClock } from "../../testing_clock.ts";
import { CardFacets } from "../cards/card_edit.ts";
import { OwnChanges } from "../cards/own_changes.ts";
import { RepositoryRecords } from "../cards/repository_records.ts";
import { HOLD } from "../cards/testing_records.ts";
import { HoldRecords } from "../holds/hold_records.ts";
import { PageIndex } from "../people/page_index.ts";
import { cardPage } from "../people/page_rows.ts";
import { StarIndex } from "../people/star_index.ts";
import type { RecordChange } from "../record_change.ts";
import { OwnerNames } from "../search/owner_names.ts";
import type { ListedHandler } from "./sources.ts";

/** Sets up an index over `kv`. */
export function indexOver(kv: Kv, clock: ManualClock) {
  const watch = { ignored: () => {}, rowsRead: () => {} };
  const facets = new CardFacets(kv);
  const repositories = new RepositoryRecords({
    ...{ kv, watch, defaultHold: HOLD, maxManifests: 1e9 },
    ...{ maxTags: 1e9, maxRepositories: 1e9 },
  });
  const stars: StarIndex = new StarIndex({
    ...{ kv, clock, watch, observer: { starred: () => {} } },
    onStars: async (ref) => {
      const [count = 0] = await stars.counts([ref]);
      await facets.setStars(ref.did, ref.repo, count);
    },
  });
  const pages = new PageIndex({
    ...{ kv, clock, watch },
    onPage: ({ did, repo }, page) =>
      facets.setPage(did, repo, page && cardPage(page)),
  });
  const holds = new HoldRecords({
    ...{ kv, watch, ownHold: undefined },
    onHold: () => Promise.resolve(),
  });
  const handlers: ListedHandler[] = [repositories, stars, pages, holds];
  const own = new OwnChanges(kv, clock, new OwnerNames(kv));
  return { handlers, repositories, own };
}

/** Applies changes of different records of an account, together where that is possible. */
export async function applyAll(
  handlers: readonly ListedHandler[],
  did: Did,
  changes: readonly RecordChange[],
): Promise<void> {
  for (const handler of handlers) {
    const some = changes.filter(({ collection }) =>
      handler.collections.includes(collection)
    );
    if (some.length > 1 && handler.applyTogether) {
      await handler.applyTogether(did, some);
    } else for (const change of some) await handler.apply(change);
  }
}
