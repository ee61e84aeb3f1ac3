/**
 * `io.atcr.repo.page` records: how the owner of a repository describes it.
 *
 * @module
 */

import { z } from "zod";
import type { BlobRef } from "../pds/pds.ts";
import { OWNER_COLLECTIONS } from "./collections.ts";

/** Bytes of text in a page (`maxLength` of the lexicon). */
export const MAX_PAGE_BYTES = 100_000;

/** Types that a picture of a repository may have (`accept` of the lexicon). */
export const PAGE_PICTURE_TYPES = [
  "image/png",
  "image/jpeg",
  "image/webp",
] as const;

/** Bytes of a picture (`maxSize` of the lexicon). */
export const MAX_PAGE_PICTURE_BYTES = 3_000_000;

/** What a page says. */
export interface PageRecord {
  readonly repository: string;
  /** Markdown. */
  readonly description: string | undefined;
  readonly avatar: BlobRef | undefined;
  /** Set when the owner wrote the page, so that pushes leave it alone. */
  readonly userEdited: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number | undefined;
  readonly updatedAt: number | undefined;
}

const time = z.string().max(64).transform((text) => Date.parse(text)).refine(
  (at) => !Number.isNaN(at),
).optional().catch(undefined);

const blob = z.object({
  $type: z.literal("blob"),
  ref: z.object({ $link: z.string().max(256) }),
  mimeType: z.enum(PAGE_PICTURE_TYPES),
  size: z.int().min(0).max(MAX_PAGE_PICTURE_BYTES),
});

const pageSchema = z.object({
  repository: z.string().max(256),
  description: z.string().refine((text) => bytesOf(text) <= MAX_PAGE_BYTES)
    .optional().catch(undefined),
  avatar: blob.optional().catch(undefined),
  userEdited: z.boolean().optional().catch(undefined),
  createdAt: time,
  updatedAt: time,
});

/** Reads a page; undefined when it is none. */
export function readPageRecord(value: unknown): PageRecord | undefined {
  const { data } = pageSchema.safeParse(value);
  if (!data) return undefined;
  const { repository, createdAt, updatedAt } = data;
  return {
    repository,
    description: data.description,
    avatar: data.avatar,
    userEdited: data.userEdited ?? false,
    createdAt,
    updatedAt,
  };
}

/** The record of a page. */
export function writePage(
  page: PageRecord & { readonly createdAt: number; readonly updatedAt: number },
): Record<string, unknown> {
  const { repository, description, avatar, userEdited } = page;
  return {
    $type: OWNER_COLLECTIONS.page,
    repository,
    ...(description === undefined ? {} : { description }),
    ...(avatar ? { avatar } : {}),
    ...(userEdited ? { userEdited } : {}),
    createdAt: new Date(page.createdAt).toISOString(),
    updatedAt: new Date(page.updatedAt).toISOString(),
  };
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
