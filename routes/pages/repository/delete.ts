/**
 * Deletes selected tags, after a page that shows what goes.
 *
 * @module
 */

import { AppError } from "../../../lib/errors.ts";
import { readForm } from "../../auth/form.ts";
import { deletePage } from "./delete_page.tsx";
import type { PageRequest, RepositoryPagesDeps } from "./deps.ts";

/** The page that shows what goes with the tags of the query. Throws AppError `NAME_UNKNOWN` for all but the owner. */
export async function deletePreview(
  { tagDeletion }: RepositoryPagesDeps,
  { owner, path, caller, query, visitor, name }: PageRequest,
): Promise<string> {
  if (caller !== owner.did || !visitor.account) {
    throw new AppError("NAME_UNKNOWN", "Only the owner deletes tags.");
  }
  const tags = query.getAll("tag");
  const preview = await tagDeletion.preview(owner, path.repo, tags);
  const { csrf } = visitor.account;
  return deletePage({
    visitor,
    csrf,
    preview,
    repository: { owner: name, repo: path.repo },
  });
}

/** Deletes the tags of the form. Throws AppError `DENIED` for all but the owner. */
export async function deleteTags(
  { browsers, tagDeletion, session }: RepositoryPagesDeps,
  { c, owner, path }: PageRequest,
): Promise<void> {
  const form = await readForm(c);
  const { session: { did } } = await browsers.requireChange(
    c,
    form.get("csrf"),
  );
  if (did !== owner.did) {
    throw new AppError(
      "DENIED",
      "Only the owner of a repository deletes tags.",
    );
  }
  const atPds = await session(did);
  if (!atPds) {
    throw new AppError(
      "UNAUTHORIZED",
      "The connection to your PDS has ended. Sign in again, then delete.",
    );
  }
  const count = await tagDeletion.delete(owner, path.repo, atPds, {
    tags: form.getAll("tag"),
    images: form.get("images") === "yes",
  });
  c.get("log").info("tags deleted", { did, repo: path.repo, count });
}
