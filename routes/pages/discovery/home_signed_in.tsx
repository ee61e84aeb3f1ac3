/**
 * The start page of an account: its repositories and holds, and what the people
 * do whom it follows.
 *
 * @module
 */

import type { KnownHold } from "../../../lib/index/holds/holds.ts";
import { renderPage } from "../document.tsx";
import { State } from "../holds/hold_state.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { CopyBox } from "../parts/copy_box.tsx";
import { Feed, type FeedItem } from "../parts/feed.tsx";
import { hostOfHold } from "../parts/hold_name.ts";
import { Panel } from "../parts/panel.tsx";
import {
  type RepositoryItem,
  RepositoryList,
} from "../parts/repository_list.tsx";
import { activityUrl, holdsUrl, holdUrl, profileUrl } from "../urls.ts";
import type { Asked } from "./deps.ts";
import { Trending } from "./ranking.tsx";

/** A hold of the account. */
export type OwnHold = KnownHold & { readonly isCaptain: boolean };

/** Content of the page. */
export interface HomeSignedInProps extends Asked {
  readonly host: string;
  readonly own: readonly RepositoryItem[];
  readonly hasMore: boolean;
  readonly holds: readonly OwnHold[];
  /** What the people did whom the account follows. */
  readonly followed: readonly FeedItem[];
  /** What anybody pushed; only where nobody is followed who did something. */
  readonly pushes: readonly FeedItem[];
  readonly trending: readonly RepositoryItem[];
}

/** Renders the page. */
export function homeSignedIn(props: HomeSignedInProps): string {
  const { visitor, own, hasMore, followed, pushes, trending, now } = props;
  const name = visitor.account?.name ?? "";
  const isFollowing = followed.length > 0;
  return renderPage({
    title: "Start",
    visitor,
    isWide: true,
    children: (
      <>
        <h1 class="hidden">Start</h1>
        <div class="split">
          <div>
            <Panel
              id="own"
              title="Your repositories"
              link={
                <a class="small" href={profileUrl(name)}>
                  {hasMore ? "All of them" : "Your profile"}
                </a>
              }
            >
              {own.length > 0
                ? <RepositoryList items={own} now={now} isOfOwner />
                : <FirstPush {...props} />}
            </Panel>
            <Panel
              id="news"
              title={isFollowing ? "From people you follow" : "Pushed just now"}
              link={<a class="small" href={activityUrl()}>All activity</a>}
            >
              <News items={isFollowing ? followed : pushes} now={now} />
            </Panel>
          </div>
          <aside aria-label="Holds and trends">
            <Holds {...props} />
            <Trending items={trending} />
          </aside>
        </div>
      </>
    ),
  });
}

function News({ items, now }: { items: readonly FeedItem[]; now: number }) {
  return items.length > 0
    ? <Feed items={items} now={now} />
    : (
      <p class="body soft">
        Nothing was pushed in the last 30 days.
      </p>
    );
}

function FirstPush({ host, visitor }: HomeSignedInProps) {
  const name = visitor.account?.name ?? "";
  const commands =
    `docker login ${host} -u ${name}\ndocker push ${host}/${name}/app:latest`;
  return (
    <div class="body">
      <p>
        Nothing was pushed here yet. Your first image needs two commands; the
        password is an{" "}
        <a href="/settings/devices">access token</a>, or none at all with the
        {" "}
        <a href="/install">credential helper</a>.
      </p>
      <CopyBox text={commands} what="the commands" />
    </div>
  );
}

function Holds({ holds, now }: HomeSignedInProps) {
  return (
    <Panel
      id="holds"
      title="Holds"
      link={<a class="small" href={holdsUrl()}>All holds</a>}
    >
      {holds.length === 0
        ? (
          <p class="body small soft">
            You are in the crew of no hold that is known here. Images go to the
            default hold of this registry.
          </p>
        )
        : (
          <ul class="plain holds">
            {holds.map((hold) => (
              <li key={hold.did}>
                <a class="name" href={holdUrl(hold.did)}>
                  <b>
                    <Breakable text={hostOfHold(hold.did)} />
                  </b>
                </a>
                <span class="small soft">
                  {hold.isCaptain ? "you are captain" : "you are crew"}
                  {hold.facts &&
                    ` · ${hold.facts.public ? "public" : "private"}`}
                </span>
                <span class="small">
                  <State state={hold.state} now={now} />
                </span>
              </li>
            ))}
          </ul>
        )}
    </Panel>
  );
}
