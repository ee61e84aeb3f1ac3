/**
 * The page of an account: its repositories.
 *
 * @module
 */

import type { KnownHold } from "../../../lib/index/holds/holds.ts";
import { ownerFeedUrl, ownerPictureUrl } from "../../published/urls.ts";
import { renderPage } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { Copy } from "../parts/digest.tsx";
import { hostOfHold } from "../parts/hold_name.ts";
import { Paging } from "../parts/paging.tsx";
import { Panel } from "../parts/panel.tsx";
import { recordBrowserUrl } from "../parts/record_link.tsx";
import {
  type RepositoryItem,
  RepositoryList,
} from "../parts/repository_list.tsx";
import { holdUrl, profileUrl } from "../urls.ts";
import type { AskedAccount } from "./deps.ts";
import { PinsForm, type PinsTyped } from "./pins_form.tsx";
import { ProfileHead } from "./profile_head.tsx";

/** Content of the page. */
export interface ProfilePageProps extends AskedAccount {
  /** Part of names that the list is narrowed to; empty for all. */
  readonly q: string;
  /** Host in names of images. */
  readonly host: string;
  readonly items: readonly RepositoryItem[];
  readonly pinned: readonly RepositoryItem[];
  /** Holds that the account is captain of. */
  readonly holds: readonly KnownHold[];
  readonly cursor: string | undefined;
  readonly isLater: boolean;
  /** Whether the visitor chooses here what is pinned. */
  readonly mayPin: boolean;
  /** What was sent and refused. */
  readonly typed: PinsTyped | undefined;
}

/** Fewer repositories need no field that narrows them. */
const MANY = 5;

/** Renders the page. */
export function profilePage(props: ProfilePageProps): string {
  const { visitor, name, actor, pinned, items, q, now, isLater } = props;
  const shownName = actor?.name === undefined
    ? name
    : `${actor.name} (${name})`;
  const isNarrowed = q !== "" || isLater;
  return renderPage({
    title: shownName,
    visitor,
    isWide: true,
    feed: ownerFeedUrl(name),
    share: actor && {
      picture: ownerPictureUrl(name),
      description: actor.bio,
    },
    children: (
      <>
        <ProfileHead asked={props} current={undefined} />
        <div class="split">
          <div>
            {pinned.length > 0 && (
              <Panel id="pinned" title="Pinned">
                <RepositoryList items={pinned} now={now} />
              </Panel>
            )}
            {props.mayPin && visitor.account && (
              <PinsForm
                {...{ name, pinned, items, typed: props.typed }}
                csrf={visitor.account.csrf}
              />
            )}
            {(isNarrowed || items.length >= MANY) && <Narrow {...props} />}
            {items.length > 0
              ? (
                <section class="panel" aria-label="Repositories">
                  <RepositoryList items={items} now={now} isOfOwner />
                </section>
              )
              : <Empty {...props} />}
            <Paging
              cursor={props.cursor}
              isLater={props.isLater}
              urlOf={(cursor) => profileUrl(name, undefined, { q, cursor })}
              more="More repositories"
            />
          </div>
          <aside aria-label="About">
            <About {...props} />
          </aside>
        </div>
      </>
    ),
  });
}

/** A field for a part of a name, and the first parts that several names have. */
function Narrow({ name, q, items }: ProfilePageProps) {
  const counts = new Map<string, number>();
  for (const { repo } of items) {
    const [first = "", ...others] = repo.split("/");
    if (others.length > 0) counts.set(first, (counts.get(first) ?? 0) + 1);
  }
  const groups = [...counts].filter(([, count]) => count > 1);
  return (
    <form class="row narrow" action={profileUrl(name)}>
      <label class="hidden" for="narrow">Part of the name</label>
      <input
        type="search"
        id="narrow"
        name="q"
        value={q}
        maxLength={100}
        placeholder="Part of the name"
        autocomplete="off"
      />
      <button type="submit" class="button">Show</button>
      {q !== "" && <a class="small" href={profileUrl(name)}>Show all</a>}
      {q === "" && groups.map(([group, count]) => (
        <a
          key={group}
          class="chip mono"
          href={profileUrl(name, undefined, { q: `${group}/` })}
        >
          {group}/ <small>{count}</small>
        </a>
      ))}
    </form>
  );
}

function Empty({ name, q, isOwn, host, isLater }: ProfilePageProps) {
  const command = `docker push ${host}/${name}/app:latest`;
  return (
    <section class="panel empty">
      <h2>
        {q !== ""
          ? `No repository has “${q}” in its name`
          : isLater
          ? "There are no more repositories"
          : "No repositories"}
      </h2>
      {q === "" && !isLater && (
        <p class="soft">
          {isOwn
            ? "Push an image, and it will stand here:"
            : "Nothing that you may see was pushed by this account."}
        </p>
      )}
      {q === "" && isOwn && (
        <div class="pull" data-copied>
          <pre tabIndex={0} aria-label="Command"><code>{command}</code></pre>
          <Copy text={command} what="the command" />
        </div>
      )}
    </section>
  );
}

function About({ name, owner, holds }: ProfilePageProps) {
  const isOnBluesky = owner.handle !== undefined;
  return (
    <dl class="facts">
      {holds.length > 0 && (
        <>
          <dt>Holds they run</dt>
          {holds.map(({ did, facts }) => (
            <dd key={did}>
              <a href={holdUrl(did)}>
                <Breakable text={hostOfHold(did)} />
              </a>
              {facts && (
                <span class="soft">
                  {facts.public ? " · public" : " · private"}
                </span>
              )}
            </dd>
          ))}
        </>
      )}
      <dt>Elsewhere</dt>
      <dd>
        <a href={recordBrowserUrl(`at://${owner.did}`)} rel="noopener">
          Records of the account
        </a>
      </dd>
      {isOnBluesky && (
        <dd>
          <a href={`https://bsky.app/profile/${owner.did}`} rel="noopener">
            Profile on Bluesky
          </a>
        </dd>
      )}
      <dd>
        <a href={ownerFeedUrl(name)}>Feed of pushes</a>
      </dd>
    </dl>
  );
}
