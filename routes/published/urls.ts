/**
 * Addresses of what is published besides pages: feeds, badges, and what search
 * engines and browsers look for.
 *
 * | path | what |
 * |---|---|
 * | `/feed.atom` | pushes of everybody |
 * | `/u/{owner}/feed.atom` | pushes of an account |
 * | `/r/{owner}/{repository…}/-/feed.atom` | tags of a repository |
 * | `/badge/{owner}/{repository…}/{what}.svg`, `.json` | a badge |
 * | `/og/r/{owner}/{repository…}.png` | the picture of links to a repository |
 * | `/og/u/{owner}.png`, `/og/home.png` | to an account, to the start page |
 *
 * @module
 */

import { isRepository } from "../../lib/oci/name.ts";
import { type RepositoryAddress, repositoryUrl } from "../pages/urls.ts";

/** Feed of everybody. */
export const NETWORK_FEED = "/feed.atom";

/** Description of the search for browsers. */
export const OPEN_SEARCH = "/opensearch.xml";

/** What a badge can say. */
export const BADGES = ["version", "tag", "pulls", "size", "stars"] as const;

/** What one badge says. */
export type BadgeKind = typeof BADGES[number];

/** The repository, and what of it, that a badge is about. */
export interface BadgePath extends RepositoryAddress {
  readonly kind: BadgeKind;
  readonly form: "svg" | "json";
}

/** Feed of an account, by its handle or DID. */
export function ownerFeedUrl(owner: string): string {
  return `/u/${owner}/feed.atom`;
}

/** Feed of a repository. */
export function repositoryFeedUrl(address: RepositoryAddress): string {
  return `${repositoryUrl(address)}/-/feed.atom`;
}

/** The repository whose feed is at `path`; undefined for other paths. */
export function parseRepositoryFeed(
  path: string,
): RepositoryAddress | undefined {
  const found = /^\/r\/([^/]+)\/(.+)\/-\/feed\.atom$/.exec(path);
  return addressOf(found?.[1], found?.[2]);
}

/** The badge at `path`; undefined where none can be. */
export function parseBadge(path: string): BadgePath | undefined {
  const found = /^\/badge\/([^/]+)\/(.+)\/([a-z]+)\.(svg|json)$/.exec(path);
  const address = addressOf(found?.[1], found?.[2]);
  const kind = BADGES.find((one) => one === found?.[3]);
  return address && kind &&
    { ...address, kind, form: found?.[4] === "json" ? "json" : "svg" };
}

/** The picture of links to the start page. */
export const HOME_PICTURE = "/og/home.png";

/** The picture of links to an account. */
export function ownerPictureUrl(owner: string): string {
  return `/og/u/${owner}.png`;
}

/** The picture of links to a repository. */
export function repositoryPictureUrl(address: RepositoryAddress): string {
  return `/og${repositoryUrl(address)}.png`;
}

/** What the picture at `path` is of; undefined where there can be none. */
export function parsePicture(
  path: string,
): "home" | { readonly owner: string } | RepositoryAddress | undefined {
  if (path === HOME_PICTURE) return "home";
  const account = /^\/og\/u\/([^/]+)\.png$/.exec(path);
  if (account) return { owner: account[1] ?? "" };
  const found = /^\/og\/r\/([^/]+)\/(.+)\.png$/.exec(path);
  return addressOf(found?.[1], found?.[2]);
}

function addressOf(
  owner: string | undefined,
  repo: string | undefined,
): RepositoryAddress | undefined {
  if (owner === undefined || repo === undefined) return undefined;
  try {
    const name = decodeURIComponent(repo);
    return isRepository(name)
      ? { owner: decodeURIComponent(owner), repo: name }
      : undefined;
  } catch {
    // A percent sign that encodes nothing.
    return undefined;
  }
}
