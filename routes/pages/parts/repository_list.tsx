/**
 * Repositories in a list, each with what one decides by.
 *
 * @module
 */

import type { CardRow } from "../../../lib/index/cards/rows.ts";
import type { Descriptor } from "../../../lib/oci/descriptor.ts";
import { repositoryUrl, tagUrl } from "../urls.ts";
import { kindName } from "./artifact.ts";
import { Breakable } from "./breakable.tsx";
import { Age, countOf, sizeText } from "./format.tsx";
import { LayerBar } from "./layer_bar.tsx";
import { Picture } from "./picture.tsx";

/** A repository in a list. */
export interface RepositoryItem {
  /** Handle of the owner, or DID where there is none. */
  readonly owner: string;
  readonly repo: string;
  readonly card: CardRow;
  /** Of the newest image; none where they are not known here. */
  readonly layers: readonly Descriptor[];
  /** Address of its picture, or of its owner's. */
  readonly picture: string | undefined;
  /** Whether it has a picture of its own. */
  readonly hasPicture: boolean;
}

/** Platforms that are named; the others are counted. */
const MAX_PLATFORMS = 3;

/** The list. */
export function RepositoryList(
  { items, now, isOfOwner = false, figure }: {
    items: readonly RepositoryItem[];
    /** Milliseconds since the Unix epoch. */
    now: number;
    /** Set where all belong to one owner, who is then not named. */
    isOfOwner?: boolean;
    /** What stands at the end of each name, in place of the time of the last push. */
    figure?: (item: RepositoryItem, place: number) => string;
  },
) {
  // The owner's picture says nothing where all are of one owner.
  const hasPictures = !isOfOwner || items.some((item) => item.hasPicture);
  return (
    <ul class="plain repositories">
      {items.map((item, i) => (
        <Item
          key={`${item.owner}/${item.repo}`}
          {...{ item, now, isOfOwner, hasPictures }}
          figure={figure?.(item, i)}
        />
      ))}
    </ul>
  );
}

function Item(
  { item, now, isOfOwner, hasPictures, figure }: {
    item: RepositoryItem;
    now: number;
    isOfOwner: boolean;
    hasPictures: boolean;
    figure: string | undefined;
  },
) {
  const { owner, repo, card, layers, picture } = item;
  const { newest, image, page } = card;
  const line = page?.line ?? image?.notes?.description;
  const kind = image?.kind ?? "image";
  return (
    <li data-row data-name={repo}>
      {hasPictures && <Picture src={picture} />}
      <div>
        <div class="first">
          <a class="name" href={repositoryUrl(item)}>
            {!isOfOwner && <Breakable text={`${owner}/`} />}
            <b>
              <Breakable text={repo} />
            </b>
          </a>
          {kind !== "image" && <span class="chip">{kindName(kind)}</span>}
          <span class="small soft nowrap end">
            {figure ??
              (newest && <Age at={newest.at} now={now} />)}
          </span>
        </div>
        {line && <p class="line" dir="auto">{line}</p>}
        <LayerBar layers={layers} />
        <p class="figures small soft">
          {newest && (
            <a class="quiet mono" href={tagUrl(item, newest.tag)}>
              <Breakable text={newest.tag} />
            </a>
          )}
          <Platforms names={image?.platforms ?? []} />
          <Size card={card} layers={layers} />
          {card.tags > 1 && <span>{countOf(card.tags, "tag")}</span>}
          {card.stars > 0 && <span>{countOf(card.stars, "star")}</span>}
          {card.pulls > 0 && (
            <span>{countOf(card.pulls, "pull")} in 30 days</span>
          )}
        </p>
      </div>
    </li>
  );
}

function Size(
  { card: { image }, layers }: {
    card: CardRow;
    layers: readonly Descriptor[];
  },
) {
  const size = image?.size ??
    layers.reduce((sum, layer) => sum + layer.size, 0);
  return size > 0 ? <span>{sizeText(size)}</span> : null;
}

function Platforms({ names }: { names: readonly string[] }) {
  if (names.length === 0) return null;
  const more = names.length - MAX_PLATFORMS;
  return (
    <span>
      {names.slice(0, MAX_PLATFORMS).join(", ")}
      {more > 0 && ` and ${more} more`}
    </span>
  );
}
