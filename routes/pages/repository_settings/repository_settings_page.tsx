/**
 * The page on which an owner describes a repository, or deletes it.
 *
 * @module
 */

import { CsrfField, renderPage, type Visitor } from "../document.tsx";
import type { PictureOfUrl } from "../markdown/markdown.ts";
import { Prose } from "../markdown/prose.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { ConfirmField, TextField } from "../parts/fields.tsx";
import { countOf } from "../parts/format.tsx";
import type { RepositoryContent } from "../../../lib/registry/deletion/repository_deletion.ts";
import { Panel } from "../parts/panel.tsx";
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
  /** Where pictures in it are shown from; undefined where none are. */
  readonly pictureOf: PictureOfUrl | undefined;
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
          <Panel id="webhooks" title="Webhooks">
            <div class="body">
              <p>
                Have an address called when an image is pushed here.{" "}
                <a href={webhooksUrl({ repository: repo })}>
                  Webhooks of this repository
                </a>
              </p>
            </div>
          </Panel>
          <Deletion {...props} />
        </div>
      </>
    ),
  });
}

function Readme(
  { csrf, repository, text, isPreview, pictureOf }: RepositorySettingsProps,
) {
  return (
    <Panel id="readme" title="Description" note="a record in your repo">
      {isPreview && (
        <div class="body preview" role="region" aria-label="Preview">
          <Prose text={text} pictureOf={pictureOf} />
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
    </Panel>
  );
}

function Picture({ csrf, repository, hasPicture }: RepositorySettingsProps) {
  const action = viewUrl(repository, "settings");
  return (
    <Panel
      id="picture"
      title="Picture"
      note={hasPicture ? "there is one" : "there is none"}
    >
      <form
        class="body form"
        method="post"
        action={action}
        encType="multipart/form-data"
      >
        <CsrfField token={csrf} />
        <TextField
          name="picture"
          label="PNG, JPEG or WebP, at most 3 MB"
          type="file"
          accept="image/png,image/jpeg,image/webp"
        />
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
    </Panel>
  );
}

function Deletion(props: RepositorySettingsProps) {
  const { csrf, repository, content, confirm } = props;
  const { owner, repo } = repository;
  const { images, tags, first, isWhole } = content;
  const more = tags - first.length;
  return (
    <Panel id="deletion" title="Delete the repository">
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
        <ConfirmField what={`${owner}/${repo}`} value={confirm} />
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
    </Panel>
  );
}
