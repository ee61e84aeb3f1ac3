/**
 * Everything about people, joined.
 *
 * @module
 */

import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type { PdsReader } from "../../atproto/pds/pds.ts";
import type { Clock } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { JobRunner } from "../../kv/jobs/job_runner.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type { AccountHandler, RecordHandler } from "../record_change.ts";
import type { Actor } from "./actor_rows.ts";
import { Actors, PERSON_LOOK_UP, PERSON_REMOVAL } from "./actors.ts";
import { PageIndex, type PageIndexDeps } from "./page_index.ts";
import { Follows, OWN_RECORDS } from "./follows.ts";
import { Pages } from "./pages.ts";
import { Pins } from "./pins.ts";
import { StarIndex, type StarIndexDeps } from "./star_index.ts";
import type { StarObserver } from "./star_rows.ts";
import { Stars } from "./stars.ts";
import type { IndexWatch } from "../watch.ts";

export interface PeopleDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
  readonly identities: Pick<IdentityResolver, "resolve">;
  readonly pds: PdsReader;
  readonly fetch: GuardedFetch;
  /** Address of an account's picture; undefined where no avatar service runs. */
  readonly avatarUrl: (did: Did) => string | undefined;
  /** Hears of stars in the commit that makes or ends them. */
  readonly onStar: StarObserver;
  /** Called after the stars of a repository may have changed. */
  readonly onStars: StarIndexDeps["onStars"];
  /** Called after a page has changed. */
  readonly onPage: PageIndexDeps["onPage"];
  /** Called after a person has changed. */
  readonly onActor: (actor: Actor) => Promise<void>;
  readonly watch: IndexWatch;
}

/** What is known of people. */
export interface People {
  readonly actors: Actors;
  readonly starIndex: StarIndex;
  readonly stars: Stars;
  readonly follows: Follows;
  readonly pages: Pages;
  readonly pageIndex: PageIndex;
  readonly pins: Pins;
  /** Take what the network says. */
  readonly records: readonly RecordHandler[];
  readonly accounts: readonly AccountHandler[];
}

/** Joins the parts, and has their jobs done by `jobs`. */
export function createPeople(
  deps: PeopleDeps,
  jobs: Pick<JobRunner, "register">,
): People {
  const actors = new Actors({ ...deps, onChanged: deps.onActor });
  const starIndex = new StarIndex({ ...deps, observer: deps.onStar });
  const pageIndex = new PageIndex(deps);
  const pins = new Pins(deps.kv);
  const stars = new Stars({ ...deps, index: starIndex });
  const follows = new Follows({ ...deps, stars });
  jobs.register(OWN_RECORDS, ({ did }, run) => follows.read(did, run.signal));
  jobs.register(
    PERSON_LOOK_UP,
    ({ did }, { signal }) => actors.lookUp(did, signal),
  );
  jobs.register(PERSON_REMOVAL, async ({ did }, { signal }) => {
    await starIndex.forget(did, signal);
    await pageIndex.forget(did, signal);
    await pins.set(did, []);
    await actors.forget(did);
  });
  return {
    actors,
    starIndex,
    stars,
    follows,
    pages: new Pages({ ...deps, index: pageIndex }),
    pageIndex,
    pins,
    records: [actors, starIndex, pageIndex],
    accounts: [actors],
  };
}
