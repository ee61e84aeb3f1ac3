/**
 * Addresses of small pictures of accounts.
 *
 * @module
 */

import type { AvatarService } from "../../lib/avatar/service.ts";

/** Side of the picture in pixels: twice what pages show, for dense screens. */
const SIDE = 104;

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
