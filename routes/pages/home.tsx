/** The start page: what this is, and the commands to try. */

import { Hono } from "@hono/hono";
import type { AppEnv } from "../middleware.ts";
import { renderPage } from "./document.tsx";

/** Serves `/`. `origin` is where clients reach the registry. */
export function homeRoutes(origin: string, example: string): Hono<AppEnv> {
  const { host } = new URL(origin);
  const image = `${host}/${example}/app:latest`;
  const html = renderPage({
    title: "Container registry",
    children: (
      <>
        <h1>A container registry for the identity you already have</h1>
        <p>
          Images are named after your AT Protocol handle. Manifests and tags are
          signed records in your own repo, layers lie in a hold that you choose.
        </p>
        <h2>Push</h2>
        <pre>
          <code>
            {`docker login ${host} -u ${example}\ndocker tag app ${image}\ndocker push ${image}`}
          </code>
        </pre>
        <h2>Pull</h2>
        <pre>
          <code>{`docker pull ${image}`}</code>
        </pre>
        <p>
          Use an app password of your PDS to log in, never the password of your
          account.
        </p>
      </>
    ),
  });
  return new Hono<AppEnv>().get("/", (c) => c.html(html));
}
