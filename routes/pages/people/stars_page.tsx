/**
 * What an account stars.
 *
 * @module
 */

import { renderPage } from "../document.tsx";
import { Paging } from "../parts/paging.tsx";
import {
  type RepositoryItem,
  RepositoryList,
} from "../parts/repository_list.tsx";
import { boardUrl, profileUrl } from "../urls.ts";
import type { AskedAccount } from "./deps.ts";
import { ProfileHead } from "./profile_head.tsx";

/** Content of the page. */
export interface StarsPageProps extends AskedAccount {
  readonly items: readonly RepositoryItem[];
  readonly cursor: string | undefined;
  readonly isLater: boolean;
}

/** Renders the page. */
export function starsPage(props: StarsPageProps): string {
  const { visitor, name, items, cursor, isLater, isOwn, now } = props;
  return renderPage({
    title: `Stars of ${name}`,
    visitor,
    isWide: true,
    children: (
      <>
        <ProfileHead asked={props} current="stars" />
        <div class="below-tabs">
          {items.length > 0
            ? (
              <div class="panel">
                <RepositoryList items={items} now={now} />
              </div>
            )
            : (
              <section class="panel empty">
                <h2>{isLater ? "No more stars" : "No stars"}</h2>
                <p class="soft">
                  {isOwn
                    ? (
                      <>
                        Star a repository to find it here again; the star is a
                        record in your own repo. See what is{" "}
                        <a href={boardUrl()}>popular</a>.
                      </>
                    )
                    : "This account stars nothing that you may see."}
                </p>
              </section>
            )}
          <Paging
            cursor={cursor}
            isLater={isLater}
            urlOf={(cursor) => profileUrl(name, "stars", { cursor })}
            more="More stars"
          />
        </div>
      </>
    ),
  });
}
