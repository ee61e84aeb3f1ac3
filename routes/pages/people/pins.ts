/**
 * Changes what an account shows first.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { AppError, isAppError } from "../../../lib/errors.ts";
import type { MayRead } from "../../../lib/index/reading.ts";
import type { RepoRef } from "../../../lib/index/visible.ts";
import { parseImageName } from "../../../lib/oci/name.ts";
import { quote } from "../../../lib/text.ts";
import { readForm } from "../../auth/form.ts";
import type { AppEnv } from "../../middleware.ts";
import { profileUrl } from "../urls.ts";
import type { AskedAccount, PeopleDeps } from "./deps.ts";
import { profile } from "./profile.ts";

/** Names that one form may have; more than can be pinned, so that the answer can say so. */
const MAX_NAMES = 40;

/** Pins what the form names in place of what is pinned. Throws AppError `DENIED` for all but the account. */
export async function changePins(
  deps: PeopleDeps,
  c: Context<AppEnv>,
  asked: AskedAccount,
): Promise<Response> {
  const form = await readForm(c);
  const browser = await deps.browsers.requireChange(c, form.get("csrf"));
  const { did } = browser.session;
  if (did !== asked.owner.did) {
    throw new AppError("DENIED", "Only the account itself changes its pins.");
  }
  const names = form.getAll("repository").slice(0, MAX_NAMES);
  const another = (form.get("another") ?? "").trim();
  try {
    const wanted = another === "" ? names : [...names, another];
    const refs = await Promise.all(
      wanted.map((name) => refOf(deps, name, asked.mayRead)),
    );
    await deps.social.people.pins.set(did, refs);
  } catch (error) {
    if (!isAppError(error)) throw error;
    c.status(error.spec.status as 400);
    const problem = error.message;
    return c.html(await profile(deps, asked, { names, another, problem }));
  }
  return c.redirect(profileUrl(asked.name), 303);
}

/** The repository of a name that the account may see. */
async function refOf(
  { index }: PeopleDeps,
  name: string,
  mayRead: MayRead,
): Promise<RepoRef> {
  const { owner, repository: repo } = parseImageName(name);
  const did = owner.kind === "did"
    ? owner.value
    : await index.owners.byHandle(owner.value);
  const card = did && await index.cards.card(did, repo, mayRead);
  if (did && card) return { did, repo };
  throw new AppError(
    "NAME_UNKNOWN",
    `There is no repository ${quote(name)} here. Write it as OWNER/REPOSITORY.`,
  );
}
