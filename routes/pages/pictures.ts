/**
 * Addresses of small pictures of accounts and repositories.
 *
 * @module
 */

import type { AvatarService } from "../../lib/avatar/service.ts";
import type { CardRow } from "../../lib/index/cards/rows.ts";
import { type RepositoryAddress, viewUrl } from "./urls.ts";

/** Side of the picture in pixels: twice what pages show, for dense screens. */
export const SIDE = 104;

/** Address of an account's picture, by handle or DID; undefined where none are served. */
export type PictureOf = ((account: string) => string) | undefined;

/** Pictures of this server's avatar service, where anybody may ask for that size. */
export function pictures(avatars: AvatarService | undefined): PictureOf {
  if (!avatars) return undefined;
  const { allowedSizes, signingKeys } = avatars.options;
  const isOpen = allowedSizes.length === 0 && signingKeys.length === 0;
  return isOpen
    ? (account) => `/${account}?w=${SIDE}&h=${SIDE}&fallback=initials`
    : undefined;
}

/** Address of a repository's picture, or of its owner's where it has none of its own. */
export function pictureOfCard(
  pictureOf: PictureOf,
  address: RepositoryAddress,
  card: Pick<CardRow, "page"> | undefined,
): { readonly picture: string | undefined; readonly hasPicture: boolean } {
  const cid = card?.page?.avatarCid;
  if (pictureOf === undefined || cid === undefined) {
    return { picture: pictureOf?.(address.owner), hasPicture: false };
  }
  // The end of the CID makes browsers ask again when the picture changes.
  const picture = viewUrl(address, "picture", { v: cid.slice(-8) });
  return { picture, hasPicture: true };
}
