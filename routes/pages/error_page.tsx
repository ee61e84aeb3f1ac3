/** The page that tells a person what went wrong and what to do. */

import { renderToString } from "preact-render-to-string";

/** What the error page shows. */
export interface ErrorPageProps {
  status: number;
  title: string;
  message: string;
  requestId: string;
}

/** Renders a whole HTML document. */
export function errorPage(props: ErrorPageProps): string {
  const html = renderToString(
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${props.title} · ATCR`}</title>
      </head>
      <body>
        <main>
          <h1>{props.title}</h1>
          <p>{props.message}</p>
          <p>
            <a href="/">Back to the start</a>
          </p>
          <p>
            <small>
              Status {props.status}, request <code>{props.requestId}</code>
            </small>
          </p>
        </main>
      </body>
    </html>,
  );
  return `<!DOCTYPE html>${html}`;
}
