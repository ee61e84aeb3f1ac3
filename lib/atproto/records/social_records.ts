/**
 * Stars and repository pages: what people say about repositories, in their own
 * repos. Readers take the forms of earlier versions too.
 *
 * @module
 */

import { AtUri } from "@atproto/syntax";
import { z } from "zod";
import { type Did, parseDid } from "../../did.ts";
import type { BlobRef } from "../pds/pds.ts";
import type { RecordTypes } from "./record_types.ts";
import { pageRkey, repositoryOfPageRkey } from "./rkeys.ts";

const PAGE = "io.atcr.repo.page";

const starSchema = z.object({
  subject: z.union([
    z.string().max(8_192),
    z.object({ did: z.string(), repository: z.string().min(1).max(255) }),
  ]),
  createdAt: z.string().optional().catch(undefined),
});

const pageSchema = z.object({
  repository: z.string().min(1).max(256),
  description: z.string().max(100_000).optional().catch(undefined),
  userEdited: z.boolean().optional().catch(undefined),
  avatar: z.object({
    $type: z.literal("blob"),
    ref: z.object({ $link: z.string() }),
    mimeType: z.string(),
    size: z.number(),
  }).optional().catch(undefined),
  createdAt: z.string().optional().catch(undefined),
});

/** What a star is for. */
export interface Star {
  readonly owner: Did;
  readonly repository: string;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number | undefined;
}

/** What a reader needs of an `io.atcr.repo.page` record. */
export interface RepositoryPage {
  readonly repository: string;
  /** Markdown. */
  readonly description: string | undefined;
  readonly avatar: BlobRef | undefined;
  /** The owner wrote the page; a push must not fill it. */
  readonly userEdited: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number | undefined;
}

/** Reads an `io.atcr.sailor.star` record, in the form of early 2026 as well; undefined when it is none. */
export function readStar(value: unknown): Star | undefined {
  const { data } = starSchema.safeParse(value);
  if (!data) return undefined;
  const { subject } = data;
  const place = typeof subject === "string" ? placeOfPage(subject) : subject;
  const owner = place && parseDid(place.did);
  if (!place || owner === undefined) return undefined;
  const createdAt = timeOf(data.createdAt);
  return { owner, repository: place.repository, createdAt };
}

/** An `io.atcr.sailor.star` record. The page that it points at need not exist. */
export function writeStar(
  star: { owner: Did; repository: string; now: number },
): RecordTypes["io.atcr.sailor.star"] {
  return {
    $type: "io.atcr.sailor.star",
    subject: `at://${star.owner}/${PAGE}/${pageRkey(star.repository)}`,
    createdAt: new Date(star.now).toISOString(),
  };
}

/** Reads an `io.atcr.repo.page` record; undefined when it is none. */
export function readPage(value: unknown): RepositoryPage | undefined {
  const { data } = pageSchema.safeParse(value);
  if (!data) return undefined;
  return {
    repository: data.repository,
    description: data.description,
    avatar: data.avatar,
    userEdited: data.userEdited ?? false,
    createdAt: timeOf(data.createdAt),
  };
}

/** An `io.atcr.repo.page` record; `createdAt` is kept from the one it replaces. */
export function writePage(page: {
  repository: string;
  description?: string;
  avatar?: BlobRef;
  userEdited: boolean;
  createdAt: number | undefined;
  now: number;
}): RecordTypes["io.atcr.repo.page"] {
  const { repository, description, avatar, userEdited, now } = page;
  return {
    $type: PAGE,
    repository,
    ...(description === undefined ? {} : { description }),
    ...(avatar === undefined ? {} : { avatar }),
    userEdited,
    createdAt: new Date(page.createdAt ?? now).toISOString(),
    updatedAt: new Date(now).toISOString(),
  };
}

function placeOfPage(
  uri: string,
): { did: string; repository: string } | undefined {
  try {
    const { host, collection, rkey } = new AtUri(uri);
    if (collection !== PAGE || rkey === "") return undefined;
    return { did: host, repository: repositoryOfPageRkey(rkey) };
  } catch {
    // Somebody's record; what is no AT-URI is no star.
    return undefined;
  }
}

function timeOf(text: string | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}
