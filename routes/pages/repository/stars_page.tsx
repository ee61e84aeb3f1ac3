/**
 * Who stars a repository.
 *
 * @module
 */

import type { AccountName } from "../../../lib/index/catalog/account_names.ts";
import { renderPage, type Visitor } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { Age } from "../parts/format.tsx";
import { Paging } from "../parts/paging.tsx";
import { Picture } from "../parts/picture.tsx";
import type { PictureOf } from "../pictures.ts";
import { profileUrl, viewUrl } from "../urls.ts";
import { RepositoryHead, type RepositoryOnPage } from "./repository_head.tsx";

/** Content of the page. */
export interface StarsOfRepositoryProps {
  readonly visitor: Visitor;
  readonly repository: RepositoryOnPage;
  readonly stars: readonly {
    readonly by: AccountName;
    /** Milliseconds since the Unix epoch. */
    readonly at: number;
  }[];
  readonly pictureOf: PictureOf;
  readonly cursor: string | undefined;
  readonly isLater: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

/** Renders the page. */
export function starsOfRepositoryPage(props: StarsOfRepositoryProps): string {
  const { visitor, repository, stars, cursor, isLater } = props;
  const { owner, repo } = repository;
  return renderPage({
    title: `Stars of ${owner}/${repo}`,
    visitor,
    isWide: true,
    children: (
      <>
        <RepositoryHead repository={repository} current="stars" />
        <div class="below-tabs">
          {stars.length === 0
            ? (
              <section class="panel empty">
                <h2>{isLater ? "No more stars" : "No stars yet"}</h2>
                <p class="soft">
                  A star is a record in the repo of the account that gives it.
                </p>
              </section>
            )
            : <People {...props} />}
          <Paging
            cursor={cursor}
            isLater={isLater}
            urlOf={(cursor) => viewUrl(repository, "stars", { cursor })}
            more="More stars"
          />
        </div>
      </>
    ),
  });
}

function People({ stars, pictureOf, now }: StarsOfRepositoryProps) {
  return (
    <ul class="plain people">
      {stars.map(({ by: { did, handle, displayName }, at }) => (
        <li key={did} data-row>
          <Picture src={pictureOf?.(handle ?? did)} size={40} />
          <div>
            <a class="name" href={profileUrl(handle ?? did)}>
              <b dir="auto">
                {displayName ?? <Breakable text={handle ?? did} />}
              </b>
            </a>
            <span class="small soft">
              {displayName !== undefined && (
                <>
                  <Breakable text={handle ?? did} /> ·{" "}
                </>
              )}
              <Age at={at} now={now} />
            </span>
          </div>
        </li>
      ))}
    </ul>
  );
}
