/**
 * Gathers what lists of repositories and of activity show.
 *
 * @module
 */

import type { CatalogContext } from "../../../lib/context/social/catalog.ts";
import type { IndexContext } from "../../../lib/context/index.ts";
import type { AccountName } from "../../../lib/index/catalog/account_names.ts";
import type { Activity } from "../../../lib/index/counts/activity_rows.ts";
import type { MayRead } from "../../../lib/index/reading.ts";
import type { ListedRepository } from "../../../lib/index/reads/card_reads.ts";
import type { Descriptor } from "../../../lib/oci/descriptor.ts";
import type { LayersOfImages } from "../../../lib/registry/browse/layers_of_images.ts";
import type { Digest } from "../../../lib/oci/digest.ts";
import type { FeedItem } from "../parts/feed.tsx";
import type { RepositoryItem } from "../parts/repository_list.tsx";
import { type PictureOf, pictureOfCard } from "../pictures.ts";

export interface ListsDeps {
  catalog: Pick<CatalogContext, "names">;
  manifests: IndexContext["manifests"];
  layers: LayersOfImages;
  pictureOf: PictureOf;
}

/** How an account is called in addresses and lists. */
export function shortName({ did, handle }: AccountName): string {
  return handle ?? did;
}

/** The repositories with the names of their owners and their layers, in order. */
export async function repositoryItems(
  { catalog, layers, pictureOf }: ListsDeps,
  listed: readonly ListedRepository[],
): Promise<RepositoryItem[]> {
  const names = await catalog.names.read(listed.map(({ did }) => did));
  return await Promise.all(listed.map(async ({ did, repo, card }) => {
    const owner = shortName(names.of(did));
    return {
      owner,
      repo,
      card,
      layers: await layersOf(layers, { did, repo, card }),
      ...pictureOfCard(pictureOf, { owner, repo }, card),
    };
  }));
}

async function layersOf(
  layers: LayersOfImages,
  { did, repo, card: { newest, image } }: ListedRepository,
): Promise<readonly Descriptor[]> {
  if (!newest || !image) return [];
  const { digest } = newest;
  const { mediaType, holdDid } = image;
  return await layers.get({ did, repo, digest, mediaType, holdDid });
}

/** Activity for lists: tags of one image that were pushed one after the other are one entry. */
export async function feedItems(
  deps: ListsDeps,
  activities: readonly Activity[],
  mayRead: MayRead,
): Promise<FeedItem[]> {
  const groups: [Activity, ...Activity[]][] = [];
  for (const one of activities) {
    const last = groups.at(-1);
    if (last && isSameImage(last[0], one)) last.push(one);
    else groups.push([one]);
  }
  const names = await deps.catalog.names.read(
    groups.flatMap(([{ actor, did }]) => [actor, did]),
  );
  return await Promise.all(groups.map(async (group) => {
    const [first] = group;
    const actor = shortName(names.of(first.actor));
    return {
      kind: first.kind,
      actor,
      owner: shortName(names.of(first.did)),
      repo: first.repo,
      tags: group.flatMap((one) => one.kind === "push" ? [one.tag] : []),
      at: first.at,
      layers: await layersOfPush(deps, first, mayRead),
      picture: deps.pictureOf?.(actor),
    };
  }));
}

function isSameImage(one: Activity, other: Activity): boolean {
  return one.kind === "push" && other.kind === "push" &&
    one.did === other.did && one.repo === other.repo &&
    one.digest !== undefined && one.digest === other.digest;
}

async function layersOfPush(
  { manifests, layers }: ListsDeps,
  push: Activity,
  mayRead: MayRead,
): Promise<readonly Descriptor[]> {
  if (push.kind !== "push" || push.digest === undefined) return [];
  const { did, repo } = push;
  const digest = push.digest as Digest;
  const found = await manifests.manifest(did, digest, mayRead);
  if (!found) return [];
  const { mediaType, holdDid } = found.facts;
  return await layers.get({ did, repo, digest, mediaType, holdDid });
}
