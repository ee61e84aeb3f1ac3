/**
 * Serves the settings of a repository to its owner.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import {
  MAX_PAGE_BYTES,
  MAX_PAGE_PICTURE_BYTES,
} from "../../../lib/atproto/records/page_record.ts";
import { AppError, isAppError } from "../../../lib/errors.ts";
import { readForm } from "../../auth/form.ts";
import { fileOf, isMultipart, readMultipart } from "../../auth/multipart.ts";
import type { AppEnv } from "../../middleware.ts";
import { viewUrl } from "../urls.ts";
import type { PageRequest, RepositoryPagesDeps } from "../repository/deps.ts";
import { onPage } from "../repository/overview.ts";
import { repositorySettingsPage } from "./repository_settings_page.tsx";

/** What a page shows besides what is stored. */
interface Shown {
  readonly text?: string;
  readonly isPreview?: boolean;
  readonly confirm?: string;
  readonly problem?: string;
}

/** A form: its fields, and a file where there is one. */
interface Sent {
  readonly field: (name: string) => string | undefined;
  readonly picture: Uint8Array<ArrayBuffer> | undefined;
}

/** A text may take three bytes of a form for each of its own. */
const MAX_TEXT_FORM = 3 * MAX_PAGE_BYTES + 16_384;
const MAX_PICTURE_FORM = MAX_PAGE_PICTURE_BYTES + 16_384;

const DONE: Readonly<Record<string, string>> = {
  saved: "Saved.",
  deleting:
    "The repository is being deleted. That takes a while where there are many images; you can leave this page.",
};

/** The page. Throws AppError `NAME_UNKNOWN` for all but the owner. */
export async function repositorySettings(
  deps: RepositoryPagesDeps,
  request: PageRequest,
  shown: Shown = {},
): Promise<string> {
  const { owner, path, visitor, caller, query } = request;
  if (caller !== owner.did || !visitor.account) {
    throw new AppError("NAME_UNKNOWN", "Only the owner sees this page.");
  }
  const unknown = { count: undefined, doubt: undefined };
  const repository = await onPage(deps, request, unknown);
  const page = await deps.social.people.pages.get(owner, path.repo);
  const ref = { did: owner.did, repo: path.repo };
  return repositorySettingsPage({
    ...{ visitor, repository },
    csrf: visitor.account.csrf,
    text: shown.text ?? page?.text ?? "",
    isPreview: shown.isPreview ?? false,
    pictureOf: deps.pictureOfUrl,
    hasPicture: page?.avatar !== undefined,
    content: await deps.repositoryDeletion.preview(ref),
    confirm: shown.confirm ?? "",
    problem: shown.problem,
    done: shown.problem === undefined && !shown.isPreview
      ? DONE[query.get("done") ?? ""]
      : undefined,
  });
}

/** Does what the form asks for. Throws AppError `DENIED` for all but the owner. */
export async function changeRepository(
  deps: RepositoryPagesDeps,
  request: PageRequest,
): Promise<Response> {
  const { c, owner, path, name } = request;
  const sent = await read(c);
  const browser = await deps.browsers.requireChange(c, sent.field("csrf"));
  const { did } = browser.session;
  if (did !== owner.did) {
    throw new AppError("DENIED", "Only the owner changes a repository.");
  }
  const text = sent.field("text");
  const confirm = sent.field("confirm");
  const typed = {
    ...(text === undefined ? {} : { text }),
    ...(confirm === undefined ? {} : { confirm }),
  };
  if (sent.field("do") === "preview") {
    const shown = { ...typed, isPreview: true };
    return c.html(await repositorySettings(deps, request, shown));
  }
  try {
    const done = await change(deps, request, sent);
    c.get("log").info("repository changed", { did, repo: path.repo, done });
    const address = { owner: name, repo: path.repo };
    return c.redirect(viewUrl(address, "settings", { done }), 303);
  } catch (error) {
    if (!isAppError(error)) throw error;
    c.status(error.spec.status as 400);
    const shown = { ...typed, problem: error.message };
    return c.html(await repositorySettings(deps, request, shown));
  }
}

/** Returns what was done, for the address of the page. */
async function change(
  deps: RepositoryPagesDeps,
  { owner, path, name }: PageRequest,
  sent: Sent,
): Promise<string> {
  const session = await deps.session(owner.did);
  if (!session) {
    throw new AppError(
      "UNAUTHORIZED",
      "The connection to your PDS has ended, so nothing was changed. Sign in again, then repeat it.",
    );
  }
  const ref = { did: owner.did, repo: path.repo };
  switch (sent.field("do")) {
    case "save": {
      // Browsers send every end of a line as two characters.
      const text = (sent.field("text") ?? "").replaceAll("\r\n", "\n");
      await deps.social.people.pages.edit(session, path.repo, { text });
      return "saved";
    }
    case "picture":
    case "no-picture": {
      const isUpload = sent.field("do") === "picture";
      if (isUpload && !sent.picture) {
        throw new AppError("INVALID_REQUEST", "Choose a file to upload.");
      }
      const text =
        (await deps.social.people.pages.get(owner, path.repo))?.text ?? "";
      const picture = isUpload ? sent.picture : null;
      await deps.social.people.pages.edit(session, path.repo, {
        text,
        ...(picture === undefined ? {} : { picture }),
      });
      return "saved";
    }
    case "delete":
      if (sent.field("confirm")?.trim() !== `${name}/${path.repo}`) {
        throw new AppError(
          "INVALID_REQUEST",
          `Type ${name}/${path.repo} to confirm. Nothing was deleted.`,
        );
      }
      await deps.repositoryDeletion.begin(ref);
      return "deleting";
  }
  throw new AppError("INVALID_REQUEST", "Nothing was asked for.");
}

async function read(c: Context<AppEnv>): Promise<Sent> {
  if (!isMultipart(c)) {
    const form = await readForm(c, MAX_TEXT_FORM);
    return {
      field: (name) => form.get(name) ?? undefined,
      picture: undefined,
    };
  }
  const form = await readMultipart(c, MAX_PICTURE_FORM);
  return {
    field: (name) => {
      const value = form.get(name);
      return typeof value === "string" ? value : undefined;
    },
    picture: await fileOf(form, "picture"),
  };
}
