/**
 * The page that shows what goes when tags are deleted.
 *
 * @module
 */

import type {
  AffectedImage,
  DeletionPreview,
} from "../../../lib/registry/browse/tag_deletion.ts";
import { CsrfField, renderPage, type Visitor } from "../document.tsx";
import { Breakable } from "../parts/breakable.tsx";
import { ShortDigest } from "../parts/digest.tsx";
import { countOf, sizeText } from "../parts/format.tsx";
import { type RepositoryAddress, viewUrl } from "../urls.ts";

/** Content of the page. */
export interface DeletePageProps {
  readonly visitor: Visitor;
  readonly csrf: string;
  readonly repository: RepositoryAddress;
  readonly preview: DeletionPreview;
}

/** Renders the page. */
export function deletePage(props: DeletePageProps): string {
  const { visitor, repository, preview } = props;
  const { owner, repo } = repository;
  const count = countOf(preview.tags.length, "tag");
  return renderPage({
    title: `Delete ${count} of ${owner}/${repo}`,
    visitor,
    children: (
      <>
        <h1>
          Delete {count} of <Breakable text={`${owner}/${repo}`} />?
        </h1>
        {preview.tags.length === 0
          ? (
            <p>
              These tags do not exist any more.{" "}
              <a href={viewUrl(repository, "tags")}>Back to the tags</a>
            </p>
          )
          : <Confirmation {...props} />}
      </>
    ),
  });
}

function Confirmation({ csrf, repository, preview }: DeletePageProps) {
  const ended = preview.images.filter(({ kept }) => kept.length === 0);
  const size = ended.reduce((sum, image) => sum + (image.size ?? 0), 0);
  return (
    <form method="post" action={viewUrl(repository, "delete")}>
      <CsrfField token={csrf} />
      {preview.tags.map((tag) => (
        <input type="hidden" name="tag" value={tag} key={tag} />
      ))}
      <ul class="affected">
        {preview.images.map((image) => (
          <Affected key={image.digest} image={image} />
        ))}
      </ul>
      {ended.length > 0 && (
        <p>
          <label>
            <input type="checkbox" name="images" value="yes" checked />{" "}
            Delete also {countOf(ended.length, "image")}{" "}
            that no other tag keeps. That frees up to{" "}
            {sizeText(size)}; layers that other images use stay.
          </label>
        </p>
      )}
      <p class="row">
        <button type="submit" class="button danger">
          Delete {countOf(preview.tags.length, "tag")}
        </button>
        <a class="button" href={viewUrl(repository, "tags")}>Keep all</a>
      </p>
    </form>
  );
}

function Affected({ image }: { image: AffectedImage }) {
  const { digest, tags, kept } = image;
  return (
    <li>
      {tags.map((tag, i) => (
        <>
          {i > 0 && ", "}
          <b>
            <Breakable text={tag} />
          </b>
        </>
      ))}
      <br />
      <span class="small soft">
        <ShortDigest digest={digest} />, {kept.length > 0
          ? `stays as ${kept.slice(0, 3).join(", ")}${
            kept.length > 3 ? " and more" : ""
          }`
          : "has no other tag"}
      </span>
    </li>
  );
}
