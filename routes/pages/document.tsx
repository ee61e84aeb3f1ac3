/** The frame of every page. */

import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";
import { ThemeSwitch } from "../../islands/theme_switch.tsx";
import { OPEN_SEARCH } from "../published/urls.ts";
import { VERSION } from "../version.ts";
import type { Frame } from "./frame/frame.ts";
import { BrandIcon } from "./frame/icons.tsx";
import { Island, modulesFor, UsedIslands } from "./frame/island.tsx";

/** The visitor of a page. */
export interface Visitor {
  /** Undefined when not signed in. */
  readonly account: {
    /** Handle, or the DID of an account without one. */
    readonly name: string;
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
        <title>{`${title} · ATCR`}</title>
        {frame?.styleSheet && <link rel="stylesheet" href={frame.styleSheet} />}
        <link rel="icon" href="/static/icon.svg" type="image/svg+xml" />
        {props.visitor && (
          <link
            rel="search"
            type="application/opensearchdescription+xml"
            href={OPEN_SEARCH}
            title="ATCR"
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

function Body({ visitor, frame, isWide, children }: PageProps) {
  return (
    <>
      <a class="skip" href="#main">Skip to content</a>
      <header class="top">
        <div class="wide">
          <a class="brand" href="/">
            <BrandIcon />
            ATCR
          </a>
          {visitor && <AccountNav {...visitor} />}
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        <div class={isWide ? "wide" : "wide text"}>{children}</div>
      </main>
      <footer class="end">
        <div class="wide">
          <span>
            ATCR {VERSION}{" "}
            · every image here is a signed record in its owner’s repo
          </span>
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

function AccountNav({ account }: Visitor) {
  if (!account) {
    return (
      <nav aria-label="Account">
        <a class="button" href="/auth/login">Sign in</a>
      </nav>
    );
  }
  return (
    <nav aria-label="Account">
      <details class="menu">
        <summary class="button">{account.name}</summary>
        <div>
          <a href="/settings/devices">Devices and tokens</a>
          <a href="/settings/sessions">Sessions</a>
          <form method="post" action="/auth/logout">
            <CsrfField token={account.csrf} />
            <button type="submit">Sign out</button>
          </form>
        </div>
      </details>
    </nav>
  );
}

/** CSRF token of a form. */
export function CsrfField({ token }: { token: string }) {
  return <input type="hidden" name="csrf" value={token} />;
}
