/** The frame of every page. */

import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";

/** The visitor of a page. */
export interface Visitor {
  /** Undefined when not signed in. */
  readonly account: {
    /** Handle, or the DID of an account without one. */
    readonly name: string;
    /** Goes into every form that changes something. */
    readonly csrf: string;
  } | undefined;
}

/** Props of {@linkcode renderPage}. */
export interface PageProps {
  title: string;
  /** Left out where nobody has looked who it is; no sign-in is shown then. */
  visitor?: Visitor;
  children: ComponentChildren;
}

/** Renders a whole HTML document around `children`. */
export function renderPage({ title, visitor, children }: PageProps): string {
  const html = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · ATCR`}</title>
        <link rel="stylesheet" href="/static/style.css" />
        <link rel="icon" href="/static/icon.svg" type="image/svg+xml" />
      </head>
      <body>
        <header>
          <a href="/">ATCR</a>
          {visitor && <AccountNav {...visitor} />}
        </header>
        <main>{children}</main>
      </body>
    </html>,
  );
  return `<!DOCTYPE html>${html}`;
}

function AccountNav({ account }: Visitor) {
  if (!account) {
    return (
      <nav aria-label="Account">
        <a href="/auth/login">Sign in</a>
      </nav>
    );
  }
  return (
    <nav aria-label="Account">
      <span>{account.name}</span>
      <a href="/settings/devices">Devices and tokens</a>
      <a href="/settings/sessions">Sessions</a>
      <form method="post" action="/auth/logout">
        <CsrfField token={account.csrf} />
        <button type="submit">Sign out</button>
      </form>
    </nav>
  );
}

/** CSRF token of a form. */
export function CsrfField({ token }: { token: string }) {
  return <input type="hidden" name="csrf" value={token} />;
}
