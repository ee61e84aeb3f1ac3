/**
 * Builds what is known of people, and what is counted: the social part of the
 * index.
 *
 * @module
 */

import type { PdsSession } from "../../atproto/pds/pds.ts";
import type { Config } from "../../config/config.ts";
import type { Did } from "../../did.ts";
import type { IndexContext } from "../index.ts";
import { type Counts, createCounts } from "../../index/counts/counts.ts";
import { OwnPushes, PAGE_FILL } from "../../index/own_pushes.ts";
import type { ImageNotes } from "../../index/people/page_facts.ts";
import { cardPage } from "../../index/people/page_rows.ts";
import { createPeople, type People } from "../../index/people/people.ts";
import type {
  AccountHandler,
  RecordHandler,
} from "../../index/record_change.ts";
import { holdsOfCards, visibleByCards } from "../../index/visible.ts";
import type { Digest } from "../../oci/digest.ts";
import type { RepositoryEvents } from "../../registry/repository_events.ts";
import type { Base } from "../roles.ts";
import { starNotes } from "./card_notes.ts";

export interface SocialDeps extends Base {
  readonly index: Pick<IndexContext, "facets" | "owners">;
  /** The session of an account; undefined when it has to sign in again. */
  readonly session: (did: Did) => Promise<PdsSession | undefined>;
  /** Annotations and labels of an image; undefined when it is gone. */
  readonly notesOf: (
    ref: { readonly did: Did; readonly repo: string },
    digest: Digest,
  ) => Promise<ImageNotes | undefined>;
}

/** People and counts. */
export interface SocialContext {
  readonly people: People;
  readonly counts: Counts;
  /** Take what happens to records on the network. */
  readonly handlers: readonly RecordHandler[];
  readonly accounts: readonly AccountHandler[];
  /** Writes what this instance has counted in memory; call it every half a minute and at the end. */
  readonly flush: () => Promise<void>;
  /** Events of the registry for people and counts, and for `others`. */
  readonly eventsWith: (others: RepositoryEvents) => RepositoryEvents;
}

/** Creates both, and registers their jobs. */
export function createSocial(deps: SocialDeps): SocialContext {
  const { config, jobs, metrics, kv, index } = deps;
  const { facets, owners } = index;
  const watch = metrics.index;
  const counts = createCounts({
    ...deps,
    holdsOf: (refs) => holdsOfCards(kv, refs),
    visible: visibleByCards(kv),
    shown: (dids) => people.actors.shown(dids),
    onPopularity: async (popular, signal) => {
      for (const { did, repo, stars, pulls } of popular) {
        signal.throwIfAborted();
        await facets.setPopularity(did, repo, { stars, pulls30d: pulls });
      }
    },
    watch,
  });
  const people: People = createPeople({
    ...deps,
    avatarUrl: avatarUrls(config),
    onStar: counts.onStar,
    onStars: (repo) => noteStars(repo),
    onPage: ({ did, repo }, page) =>
      facets.setPage(did, repo, page && cardPage(page)),
    onActor: (actor) => owners.setNames(actor.did, actor),
    watch,
  }, jobs);
  const noteStars = starNotes(people, counts, facets);
  const pushes = new OwnPushes({
    ...deps,
    activities: counts.activities,
    pages: people.pages,
  });
  jobs.register(PAGE_FILL, (page, run) => pushes.fillPage(page, run.signal));
  return {
    people,
    counts,
    handlers: [...people.records, ...counts.records],
    accounts: people.accounts,
    flush: async () => {
      await counts.counter.flush();
      await pushes.flush();
    },
    eventsWith: (others) => ({
      plan: (event) => [
        ...(event.kind === "push" ? pushes.plan(event) : []),
        ...others.plan(event),
      ],
      committed: () => others.committed(),
    }),
  };
}

/** URL of an account's picture at this server's own avatar service. */
function avatarUrls({ server }: Config): (did: string) => string | undefined {
  if (!server.roles.includes("avatar")) return () => undefined;
  return (did) => new URL(`/${did}`, server.base_url).href;
}
