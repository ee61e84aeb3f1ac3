/**
 * Keeps how a visitor wants pages to be: theme and client.
 *
 * @module
 */

import { Hono } from "@hono/hono";
import { returnPath } from "../../../lib/auth/return_path.ts";
import { readForm } from "../../auth/form.ts";
import { requireOwnPage } from "../../auth/own_page.ts";
import type { AppEnv } from "../../middleware.ts";
import { keepChoices } from "./frame.ts";

/** Serves `POST /preferences` for the pages of `origin`. */
export function preferenceRoutes(origin: string): Hono<AppEnv> {
  return new Hono<AppEnv>().post("/preferences", async (c) => {
    const form = await readForm(c);
    requireOwnPage(c, origin);
    keepChoices(c, form, origin.startsWith("https:"));
    return c.redirect(returnPath(form.get("return_to") ?? undefined), 303);
  });
}
