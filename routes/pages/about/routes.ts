/**
 * Serves the pages about this server: documentation, status, terms, privacy
 * and accessibility.
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import type { Readiness } from "../../../lib/context/readiness.ts";
import type { Clock } from "../../../lib/clock.ts";
import type { Did } from "../../../lib/did.ts";
import { AppError } from "../../../lib/errors.ts";
import type { Holds } from "../../../lib/index/holds/holds.ts";
import { Documentation } from "../../../lib/install/documentation.ts";
import type { Owners } from "../../../lib/registry/owners/owners.ts";
import { quote } from "../../../lib/text.ts";
import type { Browsers } from "../../auth/browser.ts";
import type { AppEnv } from "../../middleware.ts";
import { VERSION } from "../../version.ts";
import type { Visitor } from "../document.tsx";
import { holdName } from "../parts/hold_name.ts";
import { docsUrl } from "../urls.ts";
import { docsPage, documentPage } from "./docs_page.tsx";
import { statusPage } from "./status_page.tsx";
import { textPage } from "./text_page.tsx";
import {
  accessibilityText,
  type LegalTexts,
  operatorOf,
  privacyText,
  termsText,
} from "./texts.ts";

export interface AboutPagesDeps {
  browsers: Browsers;
  clock: Clock;
  readiness: Pick<Readiness, "report">;
  holds: Holds;
  owners: Pick<Owners, "resolve">;
  defaultHold: Did;
  /** The program's folder. */
  root: URL;
  service: string;
  legal: LegalTexts;
}

/** Serves `/docs`, `/status`, `/terms`, `/privacy` and `/accessibility`. */
export function aboutRoutes(deps: AboutPagesDeps): Hono<AppEnv> {
  const { legal, service } = deps;
  const operator = operatorOf(service, legal);
  const texts = {
    "/terms": ["Terms", legal.terms ?? termsText(operator)],
    "/privacy": ["Privacy", legal.privacy ?? privacyText(operator)],
    "/accessibility": ["Accessibility", accessibilityText(operator)],
  } as const;
  const app = new Hono<AppEnv>();
  for (const [path, [title, text]] of Object.entries(texts)) {
    app.get(path, async (c) => {
      const visitor = await visitorOf(deps, c);
      return c.html(textPage({ visitor, title, text }));
    });
  }
  app.get("/status", async (c) => c.html(await status(deps, c)));
  app.route("/", docsRoutes(deps));
  return app;
}

function docsRoutes(deps: AboutPagesDeps): Hono<AppEnv> {
  const docs = new Documentation(deps.root);
  const app = new Hono<AppEnv>();
  app.get(docsUrl(), async (c) => {
    const query = (c.req.query("q") ?? "").trim().slice(0, 128);
    const visitor = await visitorOf(deps, c);
    const hits = docs.search(query);
    return c.html(docsPage({ visitor, docs, query, hits }));
  });
  app.get(`${docsUrl()}/:name`, async (c) => {
    const name = c.req.param("name").replace(/\.md$/, "");
    const page = docs.page(name);
    if (!page) {
      throw new AppError(
        "NOT_FOUND",
        `The documentation has no page ${quote(name)}.`,
      );
    }
    const visitor = await visitorOf(deps, c);
    return c.html(documentPage({ visitor, page }));
  });
  return app;
}

async function status(
  deps: AboutPagesDeps,
  c: Context<AppEnv>,
): Promise<string> {
  const { readiness, holds, owners, defaultHold, clock } = deps;
  const { ready, checks } = await readiness.report();
  const known = await holds.get(defaultHold);
  return statusPage({
    visitor: await visitorOf(deps, c),
    isReady: ready,
    checks,
    version: VERSION,
    hold: known && {
      known,
      name: await holdName((text) => owners.resolve(text), defaultHold),
    },
    now: clock.now(),
  });
}

async function visitorOf(
  { browsers }: AboutPagesDeps,
  c: Context<AppEnv>,
): Promise<Visitor> {
  c.header("cache-control", "private, no-cache");
  return await browsers.visitor(c, await browsers.current(c));
}
