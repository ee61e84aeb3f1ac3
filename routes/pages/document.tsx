/** The frame of every page. */

import type { ComponentChildren } from "preact";
import type { Did } from "../../lib/did.ts";
import { renderToString } from "preact-render-to-string";
import { Shortcuts } from "../../islands/shortcuts.tsx";
import { ThemeSwitch } from "../../islands/theme_switch.tsx";
import { OPEN_SEARCH } from "../published/urls.ts";
import { VERSION } from "../version.ts";
import { type Frame, iconOf } from "./frame/frame.ts";
import { Header } from "./frame/header.tsx";
import { LagNotice } from "./frame/lag.tsx";
import { Island, modulesFor, UsedIslands } from "./frame/island.tsx";
import { type Share, ShareMeta } from "./frame/share_meta.tsx";
import { docsUrl } from "./urls.ts";

/** The visitor of a page. */
export interface Visitor {
  /** Undefined when not signed in. */
  readonly account: {
    readonly did: Did;
    /** Handle, or the DID of an account without one. */
    readonly name: string;
    /** Address of the account's picture; undefined where none are served. */
    readonly picture: string | undefined;
    /** Goes into every form that changes something. */
    readonly csrf: string;
  } | undefined;
  readonly frame: Frame;
}

/** Props of {@linkcode renderPage}. */
export interface PageProps {
  title: string;
  /** Left out where nobody has looked who it is; no sign-in is shown then. */
  visitor?: Visitor;
  /** That of the visitor by default; a page without one has no scripts. */
  frame?: Frame | undefined;
  /** Set for pages with tables, which take the whole width. */
  isWide?: boolean;
  /** Address of an Atom feed of what the page shows. */
  feed?: string | undefined;
  /** How a link to the page is shown elsewhere; nothing is said by default. */
  share?: Share | undefined;
  /** What stands in the search field. */
  query?: string;
  /** False for pages with a search field of their own. */
  hasSearch?: boolean;
  children: ComponentChildren;
}

/** Stands for the body while the head is rendered. */
const BODY = "\u0001body\u0001";

/**
 * Renders a whole HTML document around `children`. The body comes first: only
 * then is it known which modules the head has to name.
 */
export function renderPage(props: PageProps): string {
  const { title, frame = props.visitor?.frame } = props;
  const { brand = "ATCR", ...site } = frame ?? {};
  const icon = iconOf(site);
  const used = new Set<string>();
  const body = renderToString(
    <UsedIslands.Provider value={used}>
      <Body {...props} frame={frame} />
    </UsedIslands.Provider>,
  );
  const [boot, ...others] = modulesFor(used, frame?.modules);
  const html = renderToString(
    <html lang="en" data-theme={frame?.theme ?? "system"}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ${brand}`}</title>
        {frame?.styleSheet && <link rel="stylesheet" href={frame.styleSheet} />}
        <link rel="icon" href={icon.path} type={icon.type} />
        {props.visitor && (
          <link
            rel="search"
            type="application/opensearchdescription+xml"
            href={OPEN_SEARCH}
            title={brand}
          />
        )}
        {props.feed && (
          <link
            rel="alternate"
            type="application/atom+xml"
            href={props.feed}
            title={title}
          />
        )}
        {props.share && frame && (
          <ShareMeta share={props.share} title={title} frame={frame} />
        )}
        {others.map((href) => (
          <link key={href} rel="modulepreload" href={href} />
        ))}
        {boot && <script type="module" src={boot}></script>}
      </head>
      <body>{BODY}</body>
    </html>,
  );
  return `<!DOCTYPE html>${html.replace(BODY, () => body)}`;
}

function Body(
  { visitor, frame, isWide, query, hasSearch, children }: PageProps,
) {
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <Header
        visitor={visitor}
        frame={frame}
        query={query}
        hasSearch={hasSearch}
      />
      <main id="main" tabIndex={-1}>
        <div class={isWide ? "wide" : "wide text"}>
          <LagNotice lag={frame?.lag} />
          {children}
        </div>
      </main>
      <footer class="end">
        <div class="wide">
          <span>
            ATCR {VERSION}{" "}
            · every image here is a signed record in its owner’s repo
          </span>
          {frame?.isRegistry && <AboutLinks />}
          {frame && (
            <Island
              name="shortcuts"
              of={Shortcuts}
              props={{ isOn: frame.hasShortcuts, returnTo: frame.path }}
            />
          )}
          {frame && (
            <Island
              name="theme_switch"
              of={ThemeSwitch}
              props={{ theme: frame.theme, returnTo: frame.path }}
            />
          )}
        </div>
      </footer>
    </>
  );
}

function AboutLinks() {
  return (
    <nav aria-label="About">
      <a href={docsUrl()}>Documentation</a>
      <a href="/status">Status</a>
      <a href="/accessibility">Accessibility</a>
      <a href="/privacy">Privacy</a>
      <a href="/terms">Terms</a>
    </nav>
  );
}

/** CSRF token of a form. */
export function CsrfField({ token }: { token: string }) {
  return <input type="hidden" name="csrf" value={token} />;
}
