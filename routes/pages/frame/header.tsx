/**
 * The top of every page: search, where one can go, and who is signed in.
 *
 * @module
 */

import { SearchBox } from "../../../islands/search_box.tsx";
import type { Visitor } from "../document.tsx";
import { activityUrl, boardUrl, holdsUrl, profileUrl } from "../urls.ts";
import type { Frame } from "./frame.ts";
import { BrandIcon } from "./icons.tsx";
import { Island } from "./island.tsx";

/** Pages that all pages lead to, with their names. */
const SECTIONS = [
  [activityUrl(), "Activity"],
  [boardUrl(), "Top"],
  [holdsUrl(), "Holds"],
] as const;

/** The header; `query` stands in the search field. */
export function Header(
  { visitor, frame, query = "", hasSearch = true }: {
    visitor: Visitor | undefined;
    frame: Frame | undefined;
    query?: string | undefined;
    hasSearch?: boolean | undefined;
  },
) {
  const isRegistry = frame?.isRegistry === true;
  return (
    <header class="top">
      <div class="wide">
        <a class="brand" href="/">
          <BrandIcon logo={frame?.logo} />
          <span>{frame?.brand ?? "ATCR"}</span>
        </a>
        {isRegistry && hasSearch && <SearchForm id="search" query={query} />}
        {isRegistry && (
          <nav aria-label="Main">
            {SECTIONS.map(([href, name]) => (
              <a
                key={href}
                href={href}
                {...(frame.path === href ? { "aria-current": "page" } : {})}
              >
                {name}
              </a>
            ))}
          </nav>
        )}
        {visitor && <Account {...visitor} />}
      </div>
    </header>
  );
}

/** A search field. */
export function SearchForm(
  { id, query, isLarge = false }: {
    id: string;
    query: string;
    isLarge?: boolean;
  },
) {
  return (
    <search class={isLarge ? "search large" : "search"}>
      <Island name="search_box" of={SearchBox} props={{ id, query, isLarge }} />
    </search>
  );
}

function Account({ account, frame }: Visitor) {
  if (!account) {
    const query = new URLSearchParams({ return_to: frame.path });
    const href = frame.path === "/" ? "/auth/login" : `/auth/login?${query}`;
    return <a class="button sign-in" href={href}>Sign in</a>;
  }
  const { name, picture, csrf } = account;
  return (
    <nav aria-label="Account">
      <details class="menu">
        <summary class="button">
          {picture && (
            <img src={picture} alt="" width="24" height="24" class="picture" />
          )}
          <span>{name}</span>
        </summary>
        <div>
          <a href={profileUrl(name)}>Profile</a>
          <a href={profileUrl(name, "stars")}>Stars</a>
          <a href="/settings">Settings</a>
          <a href="/settings/devices">Devices and tokens</a>
          <form method="post" action="/auth/logout">
            <input type="hidden" name="csrf" value={csrf} />
            <button type="submit">Sign out</button>
          </form>
        </div>
      </details>
    </nav>
  );
}
