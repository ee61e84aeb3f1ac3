/**
 * The top of the pages of an account: who it is, and where one can go.
 *
 * @module
 */

import { CopyButton } from "../../../islands/copy_button.tsx";
import { Island } from "../frame/island.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { PdsAwayNotice } from "../parts/pds_away.tsx";
import { profileUrl, type ProfileView } from "../urls.ts";
import type { AskedAccount } from "./deps.ts";

const TABS: readonly (readonly [ProfileView | undefined, string])[] = [
  [undefined, "Repositories"],
  ["stars", "Stars"],
  ["activity", "Activity"],
];

/** Name, bio and tabs. */
export function ProfileHead(
  { asked, current }: {
    asked: AskedAccount;
    current: ProfileView | undefined;
  },
) {
  const { name, owner, actor, picture, away } = asked;
  return (
    <>
      <div class="title person">
        {picture && (
          <img class="avatar" src={picture} alt="" width="72" height="72" />
        )}
        <div>
          <h1 dir="auto">{actor?.name ?? <Breakable text={name} />}</h1>
          <p class="handles small soft">
            {actor?.name !== undefined && owner.handle !== undefined && (
              <span>
                <Breakable text={owner.handle} />
              </span>
            )}
            <span data-copied>
              <code>
                <Breakable text={owner.did} />
              </code>
              <Island
                name="copy_button"
                of={CopyButton}
                props={{ text: owner.did, what: "the DID" }}
              />
            </span>
          </p>
        </div>
      </div>
      {actor?.bio !== undefined && <p class="bio" dir="auto">{actor.bio}</p>}
      <nav class="tabs" aria-label="Profile">
        {TABS.map(([view, title]) => (
          <a
            key={title}
            href={profileUrl(name, view)}
            {...(view === current ? { "aria-current": "page" } : {})}
          >
            {title}
          </a>
        ))}
      </nav>
      {away && <PdsAwayNotice {...away} />}
    </>
  );
}
