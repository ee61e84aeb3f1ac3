/** The error page. */

import { renderPage, type Visitor } from "./document.tsx";
import type { Frame } from "./frame/frame.ts";

/** Content of the error page. */
export interface ErrorPageProps {
  status: number;
  title: string;
  message: string;
  requestId: string;
  frame: Frame | undefined;
  visitor?: Visitor;
}

/** Renders a whole HTML document. */
export function errorPage(props: ErrorPageProps): string {
  return renderPage({
    title: props.title,
    frame: props.frame,
    ...(props.visitor ? { visitor: props.visitor } : {}),
    children: (
      <>
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
      </>
    ),
  });
}
