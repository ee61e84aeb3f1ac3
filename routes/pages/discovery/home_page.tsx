/**
 * The start page for those who are not signed in: what this is, what is here,
 * and how to begin.
 *
 * @module
 */

import { renderPage } from "../document.tsx";
import { SearchForm } from "../frame/header.tsx";
import { CopyBox } from "../parts/copy_box.tsx";
import { HOME_PICTURE, NETWORK_FEED } from "../../published/urls.ts";
import { Feed, type FeedItem } from "../parts/feed.tsx";
import { Panel } from "../parts/panel.tsx";
import {
  type RepositoryItem,
  RepositoryList,
} from "../parts/repository_list.tsx";
import { activityUrl, boardUrl } from "../urls.ts";
import type { Asked } from "./deps.ts";
import { Ranking, Trending } from "./ranking.tsx";

/** Content of the page. */
export interface HomePageProps extends Asked {
  readonly host: string;
  /** Handle in commands. */
  readonly example: string;
  /** Path of the page about pictures, where they are served. */
  readonly avatars: string | undefined;
  readonly featured: readonly RepositoryItem[];
  readonly pushes: readonly FeedItem[];
  readonly popular: readonly RepositoryItem[];
  readonly trending: readonly RepositoryItem[];
}

const SUMMARY =
  "Push with any client. Your manifests and tags are signed records in your " +
  "own AT Protocol repo, your layers stay in a hold you choose, and anyone " +
  "can check who published what.";

/** Renders the page. */
export function homePage(props: HomePageProps): string {
  const { visitor, featured, popular, trending, now } = props;
  return renderPage({
    title: "Container images under the name you already have",
    visitor,
    isWide: true,
    hasSearch: false,
    feed: NETWORK_FEED,
    share: { picture: HOME_PICTURE, description: SUMMARY },
    children: (
      <>
        <section class="hero">
          <h1>Container images under the name you already have</h1>
          <p>{SUMMARY}</p>
          <SearchForm id="search" query="" isLarge />
        </section>
        {featured.length > 0 && (
          <section class="panel featured" aria-labelledby="featured">
            <header>
              <h2 id="featured">Featured</h2>
            </header>
            <RepositoryList items={featured} now={now} />
          </section>
        )}
        <div class="two">
          <Pushed {...props} />
          <First {...props} />
          <Ranking
            id="popular"
            title="Most pulled this week"
            items={popular}
            href={boardUrl()}
          />
          <Trending items={trending} />
        </div>
      </>
    ),
  });
}

function Pushed({ pushes, now }: HomePageProps) {
  return (
    <Panel
      id="new"
      title="Pushed just now"
      link={<a class="small" href={activityUrl()}>All activity</a>}
    >
      {pushes.length > 0
        ? <Feed items={pushes} now={now} />
        : (
          <p class="body soft">
            Nothing was pushed in the last 30 days. The first push will stand
            here.
          </p>
        )}
    </Panel>
  );
}

/** How to begin. */
function First({ host, example, avatars }: HomePageProps) {
  const push = `docker push ${host}/${example}/app:latest`;
  const commands = [
    `docker login ${host} -u ${example}`,
    `docker tag app ${host}/${example}/app:latest`,
    push,
  ].join("\n");
  return (
    <Panel id="first" title="Push your first image" note="no new account">
      <div class="body">
        <p class="small">
          Log in with your handle and an app password of your PDS, or let the
          {" "}
          <a href="/install">credential helper</a>{" "}
          ask your browser once: then docker needs no password at all.
        </p>
        <CopyBox text={commands} what="the commands" />
        <p class="small soft after">
          For CI make an{" "}
          <a href="/settings/devices">access token</a>. Scripts read all of this
          by the <a href="/api">API</a>.
          {avatars && (
            <>
              {" "}Everybody’s picture is an image URL here, too:{" "}
              <a href={avatars}>avatars</a>.
            </>
          )}
        </p>
      </div>
    </Panel>
  );
}
