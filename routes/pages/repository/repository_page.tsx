/**
 * The page of a repository: what it is, and how to get it.
 *
 * @module
 */

import { PullBox } from "../../../islands/pull_box.tsx";
import type { AccountName } from "../../../lib/index/catalog/account_names.ts";
import type { DailyPulls } from "../../../lib/index/counts/pulls.ts";
import type { Descriptor } from "../../../lib/oci/descriptor.ts";
import type { ListedTag } from "../../../lib/registry/browse/tag_list.ts";
import { foreignText } from "../../../lib/text.ts";
import { renderPage, type Visitor } from "../document.tsx";
import { Island } from "../frame/island.tsx";
import { kindName, kindOf, pullCommands } from "../parts/artifact.ts";
import type { PictureOfUrl } from "../markdown/markdown.ts";
import { Breakable } from "../parts/breakable.tsx";
import { Age, countOf, countText, sizeText } from "../parts/format.tsx";
import { Sparkline } from "../parts/sparkline.tsx";
import { LayerBar } from "../parts/layer_bar.tsx";
import { repositoryFeedUrl } from "../../published/urls.ts";
import { RecordLink } from "../parts/record_link.tsx";
import {
  imageName,
  profileUrl,
  repositoryUrl,
  tagUrl,
  viewUrl,
} from "../urls.ts";
import { RepositoryHead, type RepositoryOnPage } from "./repository_head.tsx";
import { Fact, NoteFacts } from "./note_facts.tsx";
import type { Notes } from "./notes.ts";
import { Readme } from "./readme.tsx";
import { TagName } from "./tag_name.tsx";

/** Content of the page. */
export interface RepositoryPageProps {
  readonly visitor: Visitor;
  readonly repository: RepositoryOnPage;
  /** The newest tags, the newest first. */
  readonly tags: readonly ListedTag[];
  readonly notes: Notes;
  /** Markdown; empty where the owner has written none. */
  readonly readme: string;
  /** Where pictures in it are shown from; undefined where none are. */
  readonly pictureOf: PictureOfUrl | undefined;
  /** Accounts that star it and that the visitor follows. */
  readonly followed: readonly AccountName[];
  readonly pulls: DailyPulls & { readonly total: number };
  /** AT-URI of the record of the newest image. */
  readonly record: string | undefined;
  /** Host in names of images. */
  readonly host: string;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

const DAY_MS = 86_400_000;

/** Renders the page. */
export function repositoryPage(props: RepositoryPageProps): string {
  const { visitor, repository, tags, notes } = props;
  return renderPage({
    title: `${repository.owner}/${repository.repo}`,
    visitor,
    isWide: true,
    share: repository.share,
    feed: repositoryFeedUrl(repository),
    children: (
      <>
        <RepositoryHead repository={repository} current="overview" />
        <div class="split">
          <div>
            {notes.description && (
              <p class="lead" dir="auto">{notes.description}</p>
            )}
            {tags.length === 0 ? <Empty {...props} /> : (
              <>
                <Pull {...props} />
                <NewestTags {...props} />
              </>
            )}
            <Readme
              repository={repository}
              readme={writtenReadme(props)}
              pictureOf={props.pictureOf}
            />
          </div>
          <aside aria-label="About">
            <Facts {...props} />
            <FollowedStars followed={props.followed} />
          </aside>
        </div>
      </>
    ),
  });
}

/** The owner's description; empty where it says what the sentence above says already. */
function writtenReadme({ notes, readme }: RepositoryPageProps): string {
  return foreignText(readme) === notes.description ? "" : readme;
}

function Pull({ visitor, repository, tags, host }: RepositoryPageProps) {
  const [newest] = tags;
  if (!newest) return null;
  const kind = newest.image ? kindOf(newest.image) : "image";
  const commands = pullCommands(kind, {
    host,
    image: imageName(repository),
    reference: { kind: "tag", tag: newest.tag },
  });
  const { client } = visitor.frame;
  const returnTo = repositoryUrl(repository);
  return (
    <section aria-label="Pull">
      <Island
        name="pull_box"
        of={PullBox}
        props={{ commands, chosen: client, returnTo }}
      />
    </section>
  );
}

function Empty({ visitor, repository, host }: RepositoryPageProps) {
  const isOwner = visitor.account?.name === repository.owner;
  return (
    <section class="panel">
      <div class="body">
        <h2>No tags yet</h2>
        <p>
          {isOwner
            ? "Push one to see it here:"
            : "The owner has not tagged an image here, or all tags were deleted."}
        </p>
        {isOwner && (
          <pre
            tabIndex={0}
            aria-label="Command"
          ><code>{`docker push ${host}/${imageName(repository)}:latest`}</code></pre>
        )}
      </div>
    </section>
  );
}

function NewestTags({ repository, tags, now }: RepositoryPageProps) {
  const all = viewUrl(repository, "tags");
  return (
    <section class="panel newest" aria-labelledby="newest">
      <header>
        <h2 id="newest">Newest tags</h2>
        <a class="small" href={all}>All tags</a>
      </header>
      <table class="cards">
        <thead class="hidden">
          <tr>
            <th scope="col">Tag</th>
            <th scope="col">Layers</th>
            <th scope="col">Size</th>
            <th scope="col">Pushed</th>
          </tr>
        </thead>
        <tbody>
          {tags.map((entry) => (
            <tr key={entry.tag}>
              <td class="name">
                <TagName
                  entry={entry}
                  href={tagUrl(repository, entry.tag)}
                  aliasHref={(tag) => tagUrl(repository, tag)}
                />
              </td>
              <td class="bar">
                <LayerBar layers={layersOf(entry)} />
              </td>
              <td class="num small">
                {entry.image?.size !== undefined && sizeText(entry.image.size)}
              </td>
              <td class="num small soft pushed">
                {entry.at !== undefined && <Age at={entry.at} now={now} />}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function layersOf({ image }: ListedTag): readonly Descriptor[] {
  return image?.shown?.layers ?? [];
}

function Facts({ tags, notes, pulls, record, now }: RepositoryPageProps) {
  const [newest] = tags;
  const image = newest?.image;
  const platforms = image?.platforms ?? [];
  return (
    <dl class="facts">
      <PullFacts pulls={pulls} />
      {image && (
        <>
          <dt>Kind</dt>
          <dd>{kindName(kindOf(image))}</dd>
        </>
      )}
      {newest?.at !== undefined && (
        <>
          <dt>Newest tag</dt>
          <dd>
            <Breakable text={newest.tag} />
            <span class="soft">
              {" · "}
              <Age at={newest.at} now={now} />
            </span>
          </dd>
        </>
      )}
      {image?.size !== undefined && (
        <>
          <dt>{platforms.length > 1 ? "Size, all platforms" : "Size"}</dt>
          <dd>{sizeText(image.size)}</dd>
        </>
      )}
      {platforms.length > 0 && (
        <>
          <dt>Platforms</dt>
          <dd class="chips">
            {platforms.map(({ name, digest, size }) => (
              <span class="chip mono" key={digest}>
                {name}
                {size !== undefined && <small>{sizeText(size)}</small>}
              </span>
            ))}
          </dd>
        </>
      )}
      <NoteFacts notes={notes} />
      {record !== undefined && (
        <Fact name="Signed in the owner’s repo">
          <RecordLink uri={record} what="the address of the record" />
        </Fact>
      )}
    </dl>
  );
}

/** Pulls, where there were any. */
function PullFacts({ pulls }: Pick<RepositoryPageProps, "pulls">) {
  const { total, days, since } = pulls;
  if (total === 0) return null;
  const recent = days.reduce((sum, count) => sum + count, 0);
  const label = `${countOf(recent, "pull")} in ${days.length} days`;
  return (
    <>
      <dt>Pulls</dt>
      <dd class="pulls">
        {countText(total)} <span class="soft">· {label}</span>
        <Sparkline
          points={days.map((value, i) => ({ at: since + i * DAY_MS, value }))}
          label={label}
        />
      </dd>
    </>
  );
}

function FollowedStars({ followed }: Pick<RepositoryPageProps, "followed">) {
  if (followed.length === 0) return null;
  return (
    <p class="small soft">
      Also starred by {followed.map(({ did, handle, displayName }, i) => (
        <>
          {i > 0 && ", "}
          <a href={profileUrl(handle ?? did)} dir="auto">
            {displayName ?? handle ?? did}
          </a>
        </>
      ))}, whom you follow.
    </p>
  );
}
