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
