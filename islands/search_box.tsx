/**
 * The search field, with suggestions while one types. Without a script it is
 * the field of a form.
 *
 * @module
 */
/// <reference lib="dom" />

import type { TargetedFocusEvent } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Something that may have been meant. */
export interface Suggestion {
  /** Where it leads. */
  readonly href: string;
  /** The owner, or the name of a person. */
  readonly before: string;
  /** What is looked for. */
  readonly name: string;
  /** What it is, in a word or two. */
  readonly kind: string;
  readonly picture: string | undefined;
}

/** Props of {@linkcode SearchBox}. */
export interface SearchBoxProps {
  /** Id of the field on the page. */
  readonly id: string;
  readonly query: string;
  readonly isLarge: boolean;
}

/** How long one has to pause before suggestions are fetched, in milliseconds. */
const PAUSE_MS = 120;

/** The form of the field. */
export function SearchBox({ id, query, isLarge }: SearchBoxProps) {
  const [text, type] = useState(query);
  const [found, setFound] = useState<readonly Suggestion[]>([]);
  const [active, choose] = useState(-1);
  const [isOpen, open] = useState(false);
  useSuggestions(isOpen ? text : "", (suggestions) => {
    setFound(suggestions);
    choose(-1);
  });
  const isShown = isOpen && found.length > 0;
  const move = (by: number) => {
    const places = found.length + 1;
    choose((active + 1 + by + places) % places - 1);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === "Escape" && isShown) {
      event.preventDefault();
      open(false);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (isShown) move(event.key === "ArrowDown" ? 1 : -1);
      else open(true);
    }
  };
  const follow = (event: Event) => {
    const chosen = isShown ? found[active] : undefined;
    if (!chosen) return;
    event.preventDefault();
    location.assign(chosen.href);
  };
  const leave = (event: TargetedFocusEvent<HTMLElement>) => {
    const to = event.relatedTarget;
    if (to instanceof Node && event.currentTarget.contains(to)) return;
    open(false);
  };
  return (
    <form
      action="/search"
      onSubmit={follow}
      onFocusOut={leave}
    >
      <input
        id={id}
        type="search"
        name="q"
        data-search
        value={text}
        maxLength={400}
        aria-label="Search images and people"
        placeholder={isLarge
          ? "nginx or owner/image:tag"
          : "Search images and people"}
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        role="combobox"
        list={undefined}
        aria-autocomplete="list"
        aria-expanded={isShown}
        aria-controls={`${id}-list`}
        aria-activedescendant={isShown && active >= 0
          ? `${id}-${active}`
          : undefined}
        onInput={(event) => {
          type(event.currentTarget.value);
          open(true);
        }}
        onKeyDown={press}
      />
      <kbd aria-hidden="true">/</kbd>
      <Suggestions id={id} found={found} active={active} isShown={isShown} />
      <span class="hidden" role="status">
        {isShown &&
          `${found.length} ${
            found.length === 1 ? "suggestion" : "suggestions"
          }, use the arrow keys`}
      </span>
    </form>
  );
}

function Suggestions(
  { id, found, active, isShown }: {
    id: string;
    found: readonly Suggestion[];
    /** Index of the chosen one; -1 for none. */
    active: number;
    isShown: boolean;
  },
) {
  return (
    <ul
      id={`${id}-list`}
      class="suggestions"
      role="listbox"
      aria-label="Suggestions"
      hidden={!isShown}
    >
      {found.map((one, i) => (
        <li
          key={one.href}
          id={`${id}-${i}`}
          role="option"
          aria-selected={i === active}
          // The field keeps the focus.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => location.assign(one.href)}
        >
          {one.picture && (
            <img
              class="picture"
              src={one.picture}
              alt=""
              width="24"
              height="24"
            />
          )}
          <span class="what">
            {one.before}
            <b>{one.name}</b>
          </span>
          <span class="small soft">{one.kind}</span>
        </li>
      ))}
    </ul>
  );
}

/** Fetches suggestions for `text` after a pause; the last answer counts. */
function useSuggestions(
  text: string,
  show: (suggestions: readonly Suggestion[]) => void,
): void {
  const typed = text.trim();
  useEffect(() => {
    if (typed.length < 2) {
      show([]);
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const query = new URLSearchParams({ q: typed });
        const answer = await fetch(`/search/suggestions?${query}`, {
          signal: stop.signal,
        });
        const { suggestions } = await answer.json();
        if (Array.isArray(suggestions)) show(suggestions);
      } catch {
        // Without suggestions the field still searches.
      }
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [typed]);
}
