/** The frame of every page. */

import type { ComponentChildren } from "preact";
import { renderToString } from "preact-render-to-string";

/** Props of {@linkcode renderPage}. */
export interface PageProps {
  title: string;
  children: ComponentChildren;
}

/** Renders a whole HTML document around `children`. */
export function renderPage({ title, children }: PageProps): string {
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
        </header>
        <main>{children}</main>
      </body>
    </html>,
  );
  return `<!DOCTYPE html>${html}`;
}
