/**
 * The top of every page of a repository: its name, and where one can go.
 *
 * @module
 */

import {
  StarButton,
  type StarButtonProps,
} from "../../../islands/star_button.tsx";
import type { Did } from "../../../lib/did.ts";
import type { Share } from "../frame/share_meta.tsx";
import { Island } from "../frame/island.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { Age, countText } from "../parts/format.tsx";
import { type PdsAway, PdsAwayNotice } from "../parts/pds_away.tsx";
import {
  holdUrl,
  profileUrl,
  type RepositoryAddress,
  repositoryUrl,
  viewUrl,
} from "../urls.ts";

/** A repository on its pages. */
export interface RepositoryOnPage extends RepositoryAddress {
  /** Address of the owner's picture; undefined where pictures are not served. */
  readonly picture: string | undefined;
  /** Whether it is the visitor's. */
  readonly isOwn: boolean;
  /** How many tags there are, where that is known. */
  readonly tags: number | undefined;
  /** A sentence about what may be missing or old. */
  readonly doubt: string | undefined;
  /** The owner's PDS, while it does not respond. */
  readonly pdsAway?: PdsAway | undefined;
  /** The hold of the newest image, while it cannot be reached. */
  readonly away?: HoldAway | undefined;
  readonly star: StarButtonProps;
  /** How links to the repository are shown elsewhere; undefined where not everybody sees it. */
  readonly share?: Share | undefined;
}

/** A hold that does not answer. Times are milliseconds since the Unix epoch. */
export interface HoldAway {
  readonly did: Did;
  readonly name: string;
  readonly since: number | undefined;
  readonly now: number;
}

/** Names longer than this are written smaller. */
const LONG = 60;

/** Name and tabs. */
export function RepositoryHead(
  { repository, current }: {
    repository: RepositoryOnPage;
    current: "overview" | "tags" | "stars" | "settings" | undefined;
  },
) {
  const { owner, repo, picture, tags, doubt, pdsAway, away, star } = repository;
  return (
    <>
      <div class={repo.length > LONG ? "title long" : "title"}>
        {picture && (
          <img class="avatar" src={picture} alt="" width="52" height="52" />
        )}
        <h1>
          <a class="owner" href={profileUrl(owner)}>{owner}</a>
          <span>/</span>
          <a href={repositoryUrl(repository)}>
            <Breakable text={repo} />
          </a>
        </h1>
        <Island name="star_button" of={StarButton} props={star} />
      </div>
      <nav class="tabs" aria-label="Repository">
        <a href={repositoryUrl(repository)} {...currentIf(current, "overview")}>
          Overview
        </a>
        <a href={viewUrl(repository, "tags")} {...currentIf(current, "tags")}>
          Tags {tags !== undefined && <small>{countText(tags)}</small>}
        </a>
        <a href={viewUrl(repository, "stars")} {...currentIf(current, "stars")}>
          Stars {star.count > 0 && <small>{countText(star.count)}</small>}
        </a>
        {repository.isOwn && (
          <a
            href={viewUrl(repository, "settings")}
            {...currentIf(current, "settings")}
          >
            Settings
          </a>
        )}
      </nav>
      {pdsAway
        ? <PdsAwayNotice {...pdsAway} />
        : doubt && <p class="notice" role="status">{doubt}</p>}
      {away && <Away {...away} />}
    </>
  );
}

function Away({ did, name, since, now }: HoldAway) {
  return (
    <p class="notice" role="status">
      The layers lie in the hold{" "}
      <a href={holdUrl(did)}>
        <Breakable text={name} />
      </a>, which has not answered {since === undefined ? "lately" : (
        <>
          since <Age at={since} now={now} />
        </>
      )}. Pulls may fail until it does.
    </p>
  );
}

function currentIf(current: string | undefined, name: string) {
  return current === name ? { "aria-current": "page" as const } : {};
}
