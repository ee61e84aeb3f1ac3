/**
 * The page of a search: what was found, and how to narrow it.
 *
 * @module
 */

import {
  ARTIFACT_KINDS,
  type ArtifactKind,
} from "../../../lib/index/cards/artifact_kind.ts";
import type { Actor } from "../../../lib/index/people/actor_rows.ts";
import type { Facets } from "../../../lib/index/search/facets.ts";
import type { SearchOrder } from "../../../lib/index/search/sorted_search.ts";
import { renderPage } from "../document.tsx";
import { SearchForm } from "../frame/header.tsx";
import { kindName } from "../parts/artifact.ts";
import { Breakable } from "../parts/breakable.tsx";
import { countText } from "../parts/format.tsx";
import { Paging } from "../parts/paging.tsx";
import { Picture } from "../parts/picture.tsx";
import {
  type RepositoryItem,
  RepositoryList,
} from "../parts/repository_list.tsx";
import type { PictureOf } from "../pictures.ts";
import { profileUrl, searchUrl } from "../urls.ts";
import type { Asked } from "./deps.ts";
import { FacetLinks } from "./facet_links.tsx";
import { fieldsOf, type SearchQuery } from "./search_query.ts";

/** Content of the page. */
export interface SearchPageProps extends Asked {
  readonly asked: SearchQuery;
  readonly items: readonly RepositoryItem[];
  readonly people: readonly Actor[];
  readonly pictureOf: PictureOf;
  /** What the results can be narrowed to; only of the first page. */
  readonly facets: Facets | undefined;
  /** Names that may have been meant. */
  readonly suggestions: readonly string[];
  readonly cursor: string | undefined;
  /** How many of the best matches were put in order, where there are more. */
  readonly cutAt: number | undefined;
  /** Where the named image is looked up in the network; undefined when none was named. */
  readonly elsewhere: string | undefined;
  /** Why nothing was searched; a sentence. */
  readonly problem: string | undefined;
}

const ORDERS: Readonly<Record<SearchOrder, string>> = {
  best: "Best match",
  updated: "Newest push",
  pulls: "Pulls, 30 days",
  stars: "Stars",
  name: "Name",
};

const PLATFORMS = [
  "linux/amd64",
  "linux/arm64",
  "linux/arm",
  "windows/amd64",
] as const;

/** Kinds that people look for; signatures and the like belong to images. */
const KINDS: readonly ArtifactKind[] = ARTIFACT_KINDS.filter((kind) =>
  !["signature", "attestation", "sbom"].includes(kind)
);

/** Renders the page. */
export function searchPage(props: SearchPageProps): string {
  const { visitor, asked, people, items, facets, problem } = props;
  const { q, owner } = asked;
  const where = owner === undefined ? "" : ` of ${owner}`;
  const title = q === "" ? `Repositories${where}` : `${q}${where}`;
  return renderPage({
    title: `${title} · Search`,
    visitor,
    isWide: true,
    hasSearch: false,
    children: (
      <div class="search-page">
        <h1 class={q === "" ? "" : "hidden"}>
          {q === "" ? title : `Search for ${title}`}
        </h1>
        <SearchForm id="search" query={q} isLarge />
        <Filters asked={asked} />
        {facets && <FacetLinks facets={facets} fields={fieldsOf(asked)} />}
        {people.length > 0 && (
          <People people={people} pictureOf={props.pictureOf} />
        )}
        {problem !== undefined && <p role="alert">{problem}</p>}
        {items.length > 0 && <Results {...props} />}
        {items.length === 0 && problem === undefined && <Nothing {...props} />}
      </div>
    ),
  });
}

function Filters({ asked }: { asked: SearchQuery }) {
  const { q, kind, platform, owner, sort } = asked;
  return (
    <form class="filters" action="/search" aria-label="Narrow the search">
      {q !== "" && <input type="hidden" name="q" value={q} />}
      <Choice
        name="kind"
        label="Kind"
        value={kind}
        all={KINDS.map((one) => [one, kindName(one)])}
        none="Every kind"
      />
      <Choice
        name="platform"
        label="Platform"
        value={platform}
        all={platformsWith(platform).map((one) => [one, one])}
        none="Every platform"
      />
      <Choice
        name="sort"
        label="Order"
        value={sort}
        all={Object.entries(ORDERS)}
      />
      <label class="small">
        <span class="soft">Owner</span>
        <input
          type="text"
          name="owner"
          value={owner ?? ""}
          maxLength={256}
          placeholder="Everybody"
          autocapitalize="off"
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <button type="submit" class="button">Show</button>
    </form>
  );
}

function platformsWith(chosen: string | undefined): readonly string[] {
  return chosen === undefined || PLATFORMS.some((one) => one === chosen)
    ? PLATFORMS
    : [...PLATFORMS, chosen];
}

function Choice(
  { name, label, value, all, none }: {
    name: string;
    label: string;
    value: string | undefined;
    all: readonly (readonly [value: string, label: string])[];
    none?: string;
  },
) {
  return (
    <label class="small">
      <span class="soft">{label}</span>
      <select name={name}>
        {none !== undefined && (
          <option value="" selected={value === undefined}>{none}</option>
        )}
        {all.map(([one, text]) => (
          <option key={one} value={one} selected={one === value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

function People(
  { people, pictureOf }: { people: readonly Actor[]; pictureOf: PictureOf },
) {
  return (
    <section aria-labelledby="people">
      <h2 id="people">People</h2>
      <ul class="plain people">
        {people.map(({ did, handle, name }) => (
          <li key={did} data-row>
            <Picture src={pictureOf?.(handle ?? did)} size={40} />
            <div>
              <a class="name" href={profileUrl(handle ?? did)}>
                <b dir="auto">{name ?? handle ?? did}</b>
              </a>
              {name !== undefined && (
                <span class="small soft">
                  <Breakable text={handle ?? did} />
                </span>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Results(props: SearchPageProps) {
  const { asked, items, now, cursor, cutAt } = props;
  const same = fieldsOf(asked);
  return (
    <section aria-labelledby="results">
      <h2 id="results">Repositories</h2>
      {cutAt !== undefined && (
        <p class="small soft">
          The {countText(cutAt)}{" "}
          best matches are in this order; add a word to see others.
        </p>
      )}
      <div class="panel">
        <RepositoryList items={items} now={now} />
      </div>
      <Paging
        cursor={cursor}
        isLater={asked.cursor !== undefined}
        urlOf={(cursor) => searchUrl({ ...same, cursor })}
        more="More results"
      />
    </section>
  );
}

function Nothing({ asked, suggestions, elsewhere, people }: SearchPageProps) {
  const { q, kind, platform, owner } = asked;
  const isFiltered = kind ?? platform ?? owner;
  return (
    <section class="panel empty" aria-labelledby="results">
      <h2 id="results">
        {q === ""
          ? "No repositories here yet"
          : people.length > 0
          ? "No repositories"
          : `Nothing found for “${q}”`}
      </h2>
      {suggestions.length > 0 && (
        <p>
          Did you mean {suggestions.map((name, i) => (
            <>
              {i > 0 && ", "}
              <a href={searchUrl({ q: name })}>
                <Breakable text={name} />
              </a>
            </>
          ))}
          ?
        </p>
      )}
      {elsewhere !== undefined && (
        <p>
          This registry has not seen{" "}
          <b>
            <Breakable text={q} />
          </b>{" "}
          yet. <a href={elsewhere}>Look it up in its owner’s repo</a>
        </p>
      )}
      {isFiltered !== undefined && (
        <p>
          <a href={searchUrl({ q })}>Search without the filters</a>
        </p>
      )}
      {q !== "" && suggestions.length === 0 && elsewhere === undefined && (
        <p class="soft">
          Search looks at names of repositories, their first line of
          description, and the handles of their owners. Private repositories are
          found by those who may read them.
        </p>
      )}
    </section>
  );
}
