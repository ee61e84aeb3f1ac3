/**
 * How the owner of a repository describes it.
 *
 * @module
 */

import type { PictureOfUrl } from "../markdown/markdown.ts";
import { Prose } from "../markdown/prose.tsx";
import { viewUrl } from "../urls.ts";
import type { RepositoryOnPage } from "./repository_head.tsx";

/** The description; `readme` is Markdown. Owners who have written none are led to where they can. */
export function Readme(
  { repository, readme, pictureOf }: {
    repository: RepositoryOnPage;
    readme: string;
    pictureOf: PictureOfUrl | undefined;
  },
) {
  if (readme.trim() !== "") {
    return (
      <section class="panel readme" aria-label="Description by the owner">
        <div class="body">
          <Prose text={readme} pictureOf={pictureOf} />
        </div>
      </section>
    );
  }
  if (!repository.isOwn) return null;
  return (
    <p class="soft readme">
      There is no description yet.{" "}
      <a href={viewUrl(repository, "settings")}>Write one</a>
    </p>
  );
}
