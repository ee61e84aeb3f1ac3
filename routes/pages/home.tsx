/** The start page: an introduction, and commands to try. */

import { Hono } from "@hono/hono";
import type { Browsers } from "../auth/browser.ts";
import type { AppEnv } from "../middleware.ts";
import { renderPage, type Visitor } from "./document.tsx";

/** Content of the page. */
interface Home {
  /** Origin of the registry for clients. */
  readonly origin: string;
  /** Handle in the commands when not signed in. */
  readonly example: string;
  /** Path of the avatar page, if avatars are served. */
  readonly avatars: string | undefined;
}

/** Serves `/`. */
export function homeRoutes(home: Home, browsers: Browsers): Hono<AppEnv> {
  return new Hono<AppEnv>().get("/", async (c) => {
    const visitor = await browsers.visitor(c, await browsers.current(c));
    c.header("cache-control", "no-store");
    return c.html(homePage(home, visitor));
  });
}

function homePage({ origin, example, avatars }: Home, visitor: Visitor) {
  const { host } = new URL(origin);
  const name = visitor.account?.name ?? example;
  const image = `${host}/${name}/app:latest`;
  return renderPage({
    title: "Container registry",
    visitor,
    children: (
      <>
        <h1>A container registry for the identity you already have</h1>
        <p>
          Images are named after your AT Protocol handle. Manifests and tags are
          signed records in your own repo, layers are stored in a hold that you
          choose.
        </p>
        <h2>Push</h2>
        <pre>
          <code>
            {`docker login ${host} -u ${name}\ndocker tag app ${image}\ndocker push ${image}`}
          </code>
        </pre>
        <h2>Pull</h2>
        <pre>
          <code>{`docker pull ${image}`}</code>
        </pre>
        <p>
          With the <a href="/install">credential helper</a>{" "}
          docker asks for no password at all. For CI make an{" "}
          <a href="/settings/devices">access token</a>. Elsewhere use an app
          password of your PDS, never the password of your account.
        </p>
        {avatars && (
          <p>
            Everybody&apos;s picture is an image URL here:{" "}
            <a href={avatars}>avatars</a>.
          </p>
        )}
      </>
    ),
  });
}
