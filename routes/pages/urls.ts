/**
 * Addresses of pages: builds and parses all of them.
 *
 * | path | page |
 * |---|---|
 * | `/r/{owner}/{repository…}` | repository |
 * | `/r/{owner}/{repository…}/-/tags` | its tags |
 * | `/r/{owner}/{repository…}:{tag}`, `…@{digest}` | image |
 * | `/u/{owner}`, `/u/{owner}/stars`, `/u/{owner}/activity` | an account |
 * | `/search?q=…` | search |
 * | `/activity`, `/top?by=…&in=…` | what happens, and what is popular |
 * | `/h`, `/h/{did}` | holds |
 *
 * Names of repositories may contain slashes, but no part of them is `-`.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import { type Digest, parseDigest } from "../../lib/oci/digest.ts";
import {
  formatImageName,
  isTag,
  type Owner,
  parseOwner,
  parseRepository,
  type Reference,
} from "../../lib/oci/name.ts";
import { quote } from "../../lib/text.ts";

/** A repository by its owner's name: a handle, or a DID where there is none. */
export interface RepositoryAddress {
  readonly owner: string;
  readonly repo: string;
}

/** Pages below `/-/` of a repository. */
const VIEWS = [
  "tags",
  "delete",
  "stars",
  "star",
  "settings",
  "picture",
] as const;

/** A page below `/-/` of a repository. */
export type View = typeof VIEWS[number];

/** What a path below `/r/` leads to. */
export interface RepositoryPath {
  readonly owner: Owner;
  /** As it is written in the path. */
  readonly ownerText: string;
  readonly repo: string;
  /** Set for an image. */
  readonly reference: Reference | undefined;
  /** Set for a page below `/-/`. */
  readonly view: View | undefined;
}

/** A page of an account besides its profile. */
export type ProfileView = "stars" | "activity";

/** Fields of a query; those that are undefined or empty are left out. */
type Query = Readonly<Record<string, string | undefined>>;

/** Address of an account, by its handle or DID. */
export function profileUrl(
  owner: string,
  view?: ProfileView,
  query: Query = {},
): string {
  const path = `/u/${segmentOf(owner)}`;
  return `${view === undefined ? path : `${path}/${view}`}${queryOf(query)}`;
}

/** Address of a search. */
export function searchUrl(query: Query): string {
  return `/search${queryOf(query)}`;
}

/** Address of what happens in the network. */
export function activityUrl(query: Query = {}): string {
  return `/activity${queryOf(query)}`;
}

/** Address of a board. */
export function boardUrl(query: Query = {}): string {
  return `/top${queryOf(query)}`;
}

/** Address of a repository. */
export function repositoryUrl({ owner, repo }: RepositoryAddress): string {
  return `/r/${segmentOf(owner)}/${repo}`;
}

/** Address of a page below `/-/` of a repository; fields of the query that are undefined are left out. */
export function viewUrl(
  address: RepositoryAddress,
  view: View,
  query: Query = {},
): string {
  return `${repositoryUrl(address)}/-/${view}${queryOf(query)}`;
}

/** Address of a tag. */
export function tagUrl(address: RepositoryAddress, tag: string): string {
  return `${repositoryUrl(address)}:${tag}`;
}

/** Address of a manifest; `query` as in {@linkcode viewUrl}. */
export function digestUrl(
  address: RepositoryAddress,
  digest: Digest,
  query: Query = {},
): string {
  return `${repositoryUrl(address)}@${digest}${queryOf(query)}`;
}

/** Address of an image by its tag or digest. */
export function pathOfImage(
  address: RepositoryAddress,
  reference: Reference,
): string {
  return reference.kind === "tag"
    ? tagUrl(address, reference.tag)
    : digestUrl(address, reference.digest);
}

/** Path of what {@linkcode parseRepositoryPath} has parsed, for an owner's current name. */
export function pathOf(
  { repo, reference, view }: RepositoryPath,
  owner: string,
): string {
  const address = { owner, repo };
  if (view !== undefined) return viewUrl(address, view);
  return reference === undefined
    ? repositoryUrl(address)
    : pathOfImage(address, reference);
}

/** Address of the documentation, or of one of its pages and a heading there. */
export function docsUrl(name?: string, anchor = ""): string {
  if (name === undefined) return "/docs";
  return `/docs/${name}${anchor === "" ? "" : `#${anchor}`}`;
}

/** Address of the webhooks of the visitor. */
export function webhooksUrl(
  query: Query = {},
): string {
  return `/settings/webhooks${queryOf(query)}`;
}

/** Address of one webhook. */
export function webhookUrl(
  id: string,
  query: Query = {},
): string {
  return `${webhooksUrl()}/${id}${queryOf(query)}`;
}

/** Address of the list of holds. */
export function holdsUrl(
  query: Query = {},
): string {
  return `/h${queryOf(query)}`;
}

/** Address of a hold. */
export function holdUrl(hold: Did): string {
  return `/h/${segmentOf(hold)}`;
}

/** Name of a repository for clients, below the host. */
export function imageName({ owner, repo }: RepositoryAddress): string {
  return formatImageName({ owner: parseOwner(owner), repository: repo });
}

/**
 * Parses a path below `/r/`. Throws AppError `NOT_FOUND` with a sentence that
 * names the wrong part.
 */
export function parseRepositoryPath(pathname: string): RepositoryPath {
  const [owner = "", ...rest] = decoded(pathname.slice("/r/".length)).split(
    "/",
  );
  const text = rest.join("/").replace(/\/$/, "");
  const [name = "", ...below] = text.split("/-/");
  try {
    const view = VIEWS.find((one) => below.length === 1 && one === below[0]);
    if (below.length > 0 && view === undefined) throw notFound(pathname);
    const { repo, reference } = parseName(name);
    if (view !== undefined && reference !== undefined) throw notFound(pathname);
    const ownerText = owner;
    const parsed = parseOwner(owner.replace(/^@/, ""));
    return { owner: parsed, ownerText, repo, reference, view };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError("NOT_FOUND", error.message, { cause: error });
  }
}

/** Parses `repository`, `repository:tag` or `repository@digest`. */
function parseName(
  text: string,
): { repo: string; reference: Reference | undefined } {
  const at = text.indexOf("@");
  if (at >= 0) {
    const digest = parseDigest(text.slice(at + 1));
    // A tag beside a digest is how some clients write it; the digest counts.
    const [name = ""] = text.slice(0, at).split(":");
    const reference = { kind: "digest", digest } as const;
    return { repo: parseRepository(name), reference };
  }
  const colon = text.indexOf(":");
  if (colon < 0) return { repo: parseRepository(text), reference: undefined };
  const tag = text.slice(colon + 1);
  if (!isTag(tag)) {
    throw new AppError("NOT_FOUND", `${quote(tag)} is not the name of a tag.`);
  }
  return {
    repo: parseRepository(text.slice(0, colon)),
    reference: { kind: "tag", tag },
  };
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    throw notFound(path);
  }
}

/** A handle or DID as a part of a path; a DID of a server with a port has a percent sign. */
function segmentOf(name: string): string {
  return name.replaceAll("%", "%25");
}

function queryOf(query: Query): string {
  const fields = Object.entries(query).flatMap(([name, value]) =>
    value === undefined || value === "" ? [] : [[name, value]]
  );
  return fields.length === 0 ? "" : `?${new URLSearchParams(fields)}`;
}

function notFound(path: string): AppError {
  return new AppError("NOT_FOUND", `There is no page at ${quote(path)}.`);
}
