/**
 * The page of all tags of a repository.
 *
 * @module
 */

import { TagFilter } from "../../../islands/tag_filter.tsx";
import type {
  ListedTag,
  TagListPage,
} from "../../../lib/registry/browse/tag_list.ts";
import { renderPage, type Visitor } from "../document.tsx";
import { Island } from "../frame/island.tsx";
import { commandText, kindOf, pullCommands } from "../parts/artifact.ts";
import { Copy, ShortDigest } from "../parts/digest.tsx";
import { Age, countOf, sizeText } from "../parts/format.tsx";
import { LayerBar } from "../parts/layer_bar.tsx";
import { Paging } from "../parts/paging.tsx";
import { digestUrl, imageName, tagUrl, viewUrl } from "../urls.ts";
import { RepositoryHead, type RepositoryOnPage } from "./repository_head.tsx";
import { TagName } from "./tag_name.tsx";

/** Content of the page. */
export interface TagsPageProps {
  readonly visitor: Visitor;
  readonly repository: RepositoryOnPage;
  readonly page: TagListPage;
  readonly order: "newest" | "name";
  readonly filter: string;
  /** Whether this is not the first page. */
  readonly isLater: boolean;
  /** Whether the visitor may delete tags. */
  readonly mayDelete: boolean;
  readonly host: string;
  readonly now: number;
}

/** Platforms that are named in a row. */
const MAX_PLATFORMS = 4;

/** Renders the page. */
export function tagsPage(props: TagsPageProps): string {
  const { visitor, repository, page, mayDelete } = props;
  const table = <TagTable {...props} />;
  return renderPage({
    title: `Tags of ${repository.owner}/${repository.repo}`,
    visitor,
    isWide: true,
    share: repository.share,
    children: (
      <>
        <RepositoryHead repository={repository} current="tags" />
        <Tools {...props} />
        {page.items.length === 0
          ? <Nothing {...props} />
          : mayDelete
          ? (
            <form method="get" action={viewUrl(repository, "delete")}>
              {table}
              <p class="row below">
                <button type="submit" class="button">
                  Delete the selected tags…
                </button>
                <span class="small soft">Shows first what goes.</span>
              </p>
            </form>
          )
          : table}
        <Pages {...props} />
      </>
    ),
  });
}

function Tools({ repository, page, order, filter }: TagsPageProps) {
  const address = viewUrl(repository, "tags");
  return (
    <form class="row tools" method="get" action={address} role="search">
      <label class="hidden" for="filter">Filter tags</label>
      <Island name="tag_filter" of={TagFilter} props={{ query: filter }} />
      <label class="row small">
        Sort
        <select name="sort">
          <option value="newest" selected={order === "newest"}>
            newest first
          </option>
          <option value="name" selected={order === "name"}>by name</option>
        </select>
      </label>
      <button type="submit" class="button">Show</button>
      <span class="end small soft">
        {page.count !== undefined && (
          <>
            {countOf(page.count, "tag")}
            {filter !== "" && ` with “${filter}”`}
          </>
        )}
        {page.items.length > 1 && " · equal colours are equal layers"}
      </span>
    </form>
  );
}

function Nothing({ repository, filter, isLater }: TagsPageProps) {
  return (
    <section class="panel">
      <div class="body">
        {filter === ""
          ? <p>{isLater ? "There are no more tags." : "There are no tags."}</p>
          : (
            <p>
              No tag has “{filter}” in its name.{" "}
              <a href={viewUrl(repository, "tags")}>Show all tags</a>
            </p>
          )}
      </div>
    </section>
  );
}

function TagTable(props: TagsPageProps) {
  const { page, mayDelete } = props;
  return (
    <div class="panel">
      <table class="cards tags">
        <thead>
          <tr>
            {mayDelete && (
              <th scope="col">
                <span class="hidden">Select</span>
              </th>
            )}
            <th scope="col">Tag</th>
            <th scope="col">Layers</th>
            <th scope="col" class="num">Size</th>
            <th scope="col" class="num">Pushed</th>
            <th scope="col">Digest</th>
            <th scope="col">
              <span class="hidden">Copy</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {page.items.map((entry) => (
            <TagRow key={entry.tag} entry={entry} {...props} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TagRow(props: TagsPageProps & { entry: ListedTag }) {
  const { entry, repository, mayDelete, now } = props;
  const { tag, digest, at, image } = entry;
  return (
    <tr data-tag={tag}>
      {mayDelete && (
        <td class="select">
          <input
            type="checkbox"
            name="tag"
            value={tag}
            aria-label={`Select ${tag}`}
          />
        </td>
      )}
      <td class="name">
        <TagName
          entry={entry}
          href={tagUrl(repository, tag)}
          aliasHref={(alias) => tagUrl(repository, alias)}
        />
        <Platforms entry={entry} />
      </td>
      <td class="bar">
        <LayerBar layers={image?.shown?.layers ?? []} />
      </td>
      <td class="num figure" data-label="Size">
        {image?.size === undefined ? "–" : sizeText(image.size)}
      </td>
      <td class="num figure" data-label="Pushed">
        {at === undefined ? "–" : <Age at={at} now={now} />}
      </td>
      <td class="figure" data-label="Digest">
        {digest
          ? (
            <a class="quiet" href={digestUrl(repository, digest)}>
              <ShortDigest digest={digest} />
            </a>
          )
          : "–"}
      </td>
      <td class="num copying">
        <CopyPull {...props} />
      </td>
    </tr>
  );
}

function Platforms({ entry: { image } }: { entry: ListedTag }) {
  const platforms = image?.platforms ?? [];
  if (platforms.length === 0) return null;
  const shown = platforms.slice(0, MAX_PLATFORMS);
  const more = platforms.length - shown.length;
  return (
    <span class="platforms small soft">
      {shown.map(({ name }) => name).join(", ")}
      {more > 0 && ` and ${more} more`}
    </span>
  );
}

function CopyPull(
  { entry, repository, visitor, host }: TagsPageProps & { entry: ListedTag },
) {
  const { tag, image } = entry;
  const commands = pullCommands(image ? kindOf(image) : "image", {
    host,
    image: imageName(repository),
    reference: { kind: "tag", tag },
  });
  return (
    <Copy
      text={commandText(commands, visitor.frame.client)}
      what={`the command that pulls ${tag}`}
    />
  );
}

function Pages({ repository, page, order, filter, isLater }: TagsPageProps) {
  const query = {
    q: filter,
    sort: order === "newest" ? undefined : order,
  };
  return (
    <Paging
      cursor={page.cursor}
      isLater={isLater}
      urlOf={(cursor) => viewUrl(repository, "tags", { ...query, cursor })}
      more="More tags"
    />
  );
}
