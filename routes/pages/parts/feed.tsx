/**
 * What happened, newest first.
 *
 * @module
 */

import type { Descriptor } from "../../../lib/oci/descriptor.ts";
import { profileUrl, repositoryUrl, tagUrl } from "../urls.ts";
import { Breakable } from "./breakable.tsx";
import { Age } from "./format.tsx";
import { LayerBar } from "./layer_bar.tsx";
import { Picture } from "./picture.tsx";

/** One thing that happened; several tags of one image are one push. */
export interface FeedItem {
  readonly kind: "push" | "star";
  /** Handle of who did it, or DID where there is none. */
  readonly actor: string;
  /** Handle of the owner of the repository, or DID. */
  readonly owner: string;
  readonly repo: string;
  /** Empty for a star. */
  readonly tags: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Of the image that was pushed; none where they are not known here. */
  readonly layers: readonly Descriptor[];
  /** Address of the picture of who did it. */
  readonly picture: string | undefined;
}

/** Tags of one push that are named. */
const MAX_TAGS = 3;

/** The list. */
export function Feed(
  { items, now }: {
    items: readonly FeedItem[];
    /** Milliseconds since the Unix epoch. */
    now: number;
  },
) {
  return (
    <ul class="plain feed">
      {items.map((item) => (
        <li
          key={`${item.kind} ${item.actor} ${item.at} ${item.owner}/${item.repo}`}
          data-row
        >
          <Picture src={item.picture} />
          <div class="what">
            {item.kind === "push" ? <Push {...item} /> : <Star {...item} />}
          </div>
          <span class="small soft nowrap">
            <Age at={item.at} now={now} />
          </span>
          <LayerBar layers={item.layers} />
        </li>
      ))}
    </ul>
  );
}

function Push(item: FeedItem) {
  const { owner, repo, tags } = item;
  const [tag, ...others] = tags;
  const more = others.length - MAX_TAGS + 1;
  return (
    <>
      <a
        class="name"
        href={tag === undefined ? repositoryUrl(item) : tagUrl(item, tag)}
      >
        <Breakable text={`${owner}/`} />
        <b>
          <Breakable text={repo} />
        </b>
        {tag !== undefined && (
          <>
            <wbr />
            <span class="whole">:{tag}</span>
          </>
        )}
      </a>
      {others.length > 0 && (
        <span class="small soft also">
          also {others.slice(0, MAX_TAGS - 1).join(", ")}
          {more > 0 && ` and ${more} more`}
        </span>
      )}
    </>
  );
}

function Star(item: FeedItem) {
  return (
    <>
      <a class="quiet" href={profileUrl(item.actor)}>
        <Breakable text={item.actor} />
      </a>{" "}
      <span class="soft">stars</span>{" "}
      <a class="name" href={repositoryUrl(item)}>
        <Breakable text={`${item.owner}/`} />
        <b>
          <Breakable text={item.repo} />
        </b>
      </a>
    </>
  );
}
