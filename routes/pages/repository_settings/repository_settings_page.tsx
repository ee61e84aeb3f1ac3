/**
 * The page on which an owner describes a repository, or deletes it.
 *
 * @module
 */

import { CsrfField, renderPage, type Visitor } from "../document.tsx";
import { Prose } from "../markdown/prose.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { countOf } from "../parts/format.tsx";
import type { RepositoryContent } from "../../../lib/registry/deletion/repository_deletion.ts";
import { repositoryUrl, viewUrl, webhooksUrl } from "../urls.ts";
import {
  RepositoryHead,
  type RepositoryOnPage,
} from "../repository/repository_head.tsx";

/** Content of the page. */
export interface RepositorySettingsProps {
  readonly visitor: Visitor;
  readonly csrf: string;
  readonly repository: RepositoryOnPage;
  /** What stands in the editor. */
  readonly text: string;
  /** Whether the text is shown as it will look. */
  readonly isPreview: boolean;
  readonly hasPicture: boolean;
  readonly content: RepositoryContent;
  /** What was typed to confirm the deletion. */
  readonly confirm: string;
  readonly problem: string | undefined;
  readonly done: string | undefined;
}

/** Renders the page. */
export function repositorySettingsPage(props: RepositorySettingsProps): string {
  const { visitor, repository, problem, done } = props;
  const { owner, repo } = repository;
  return renderPage({
    title: `Settings of ${owner}/${repo}`,
    visitor,
    isWide: true,
    children: (
      <>
        <RepositoryHead repository={repository} current="settings" />
        {problem !== undefined && <p role="alert">{problem}</p>}
        {done !== undefined && <p class="notice done" role="status">{done}</p>}
        <div class="columns">
          <Readme {...props} />
          <Picture {...props} />
          <section class="panel" aria-labelledby="webhooks">
            <header>
              <h2 id="webhooks">Webhooks</h2>
            </header>
            <div class="body">
              <p>
                Have an address called when an image is pushed here.{" "}
                <a href={webhooksUrl({ repository: repo })}>
                  Webhooks of this repository
                </a>
              </p>
            </div>
          </section>
          <Deletion {...props} />
        </div>
      </>
    ),
  });
}

function Readme(
  { csrf, repository, text, isPreview }: RepositorySettingsProps,
) {
  return (
    <section class="panel" aria-labelledby="readme">
      <header>
        <h2 id="readme">Description</h2>
        <span class="small soft">a record in your repo</span>
      </header>
      {isPreview && (
        <div class="body preview" role="region" aria-label="Preview">
          <Prose text={text} />
        </div>
      )}
      <form
        class="body form"
        method="post"
        action={viewUrl(repository, "settings")}
      >
        <CsrfField token={csrf} />
        <p class="field">
          <label for="text">Markdown</label>
          <textarea
            id="text"
            name="text"
            aria-describedby="text-hint"
            spellcheck
            dir="auto"
          >
            {text}
          </textarea>
          <small id="text-hint">
            The first sentence is what lists and search show. Once you have
            saved it, pushes no longer change it.
          </small>
        </p>
        <p class="actions">
          <button
            type="submit"
            class="button primary"
            name="do"
            value="save"
          >
            Save
          </button>
          <button type="submit" class="button" name="do" value="preview">
            Preview
          </button>
        </p>
      </form>
    </section>
  );
}

function Picture({ csrf, repository, hasPicture }: RepositorySettingsProps) {
  const action = viewUrl(repository, "settings");
  return (
    <section class="panel" aria-labelledby="picture">
      <header>
        <h2 id="picture">Picture</h2>
        <span class="small soft">
          {hasPicture ? "there is one" : "there is none"}
        </span>
      </header>
      <form
        class="body form"
        method="post"
        action={action}
        encType="multipart/form-data"
      >
        <CsrfField token={csrf} />
        <p class="field">
          <label for="file">PNG, JPEG or WebP, at most 3 MB</label>
          <input
            id="file"
            type="file"
            name="picture"
            accept="image/png,image/jpeg,image/webp"
          />
        </p>
        <p class="actions">
          <button type="submit" class="button" name="do" value="picture">
            Upload
          </button>
          {hasPicture && (
            <button type="submit" class="button" name="do" value="no-picture">
              Remove the picture
            </button>
          )}
        </p>
      </form>
    </section>
  );
}

function Deletion(props: RepositorySettingsProps) {
  const { csrf, repository, content, confirm } = props;
  const { owner, repo } = repository;
  const { images, tags, first, isWhole } = content;
  const more = tags - first.length;
  return (
    <section class="panel" aria-labelledby="deletion">
      <header>
        <h2 id="deletion">Delete the repository</h2>
      </header>
      <form
        class="body form"
        method="post"
        action={viewUrl(repository, "settings")}
      >
        <CsrfField token={csrf} />
        <p>
          Deletes {isWhole ? "" : "more than "}
          <b>{countOf(tags, "tag")}</b> and{" "}
          <b>{countOf(images, "image")}</b>, and the description: the records
          leave{" "}
          <em>your own repo</em>, so they are gone for every registry. Layers go
          later, when the hold finds that nothing uses them. Stars are records
          of others and stay.
        </p>
        {first.length > 0 && (
          <p class="small">
            Tags: {first.map((tag, i) => (
              <>
                {i > 0 && ", "}
                <Breakable text={tag} />
              </>
            ))}
            {more > 0 && ` and ${more} more`}
          </p>
        )}
        <p class="field">
          <label for="confirm">To confirm, type {owner}/{repo}</label>
          <input
            id="confirm"
            name="confirm"
            value={confirm}
            maxLength={2048}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            required
          />
        </p>
        <p class="actions">
          <button
            type="submit"
            class="button danger"
            name="do"
            value="delete"
          >
            Delete {repo}
          </button>
          <a class="button" href={repositoryUrl(repository)}>Keep it</a>
        </p>
      </form>
    </section>
  );
}
