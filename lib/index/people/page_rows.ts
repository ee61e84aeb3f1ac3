/**
 * The rows behind pages of repositories.
 *
 * @module
 */

import type { BlobRef } from "../../atproto/pds/pds.ts";
import type { PageRecord } from "../../atproto/records/page_record.ts";
import type { Did } from "../../did.ts";
import type { Atomic } from "../../kv/kv.ts";
import { printable } from "../../text.ts";
import type { CardRow } from "../cards/rows.ts";
import type { Seen } from "../seen.ts";
import { peopleKeys } from "./kv_keys.ts";

/** What stands at `peopleKeys.page`; without a page there is none. */
export interface PageRow extends Seen {
  readonly page?: {
    /** The first sentence, on one line. */
    readonly line?: string;
    readonly avatar?: BlobRef;
    readonly userEdited: boolean;
    /** Milliseconds since the Unix epoch. */
    readonly updatedAt: number;
    /** Rows that the text takes. */
    readonly parts: number;
  };
}

/** Bytes of text in a row: a value ends at 64 KiB. */
const PART_BYTES = 60_000;
/** Rows that a text may take; the lexicon allows 100,000 bytes. */
const MAX_PARTS = 2;
/** Characters of the first sentence. */
const MAX_LINE = 200;

/** Adds the rows of a page to `commit`, and returns the first. */
export function setPage(
  commit: Atomic,
  { did, repo }: { did: Did; repo: string },
  seen: Seen,
  record: PageRecord,
): PageRow {
  const text = new TextEncoder().encode(record.description ?? "");
  const parts = Math.ceil(text.length / PART_BYTES);
  const line = firstLine(record.description ?? "");
  const row: PageRow = {
    ...seen,
    page: {
      parts,
      userEdited: record.userEdited,
      updatedAt: Math.min(record.updatedAt ?? seen.seenAt, seen.seenAt),
      ...(line === undefined ? {} : { line }),
      ...(record.avatar ? { avatar: record.avatar } : {}),
    },
  };
  commit.set(peopleKeys.page(did, repo), row);
  for (let part = 0; part < MAX_PARTS; part++) {
    const key = peopleKeys.pageText(did, repo, part);
    const start = part * PART_BYTES;
    if (part >= parts) commit.delete(key);
    else commit.set(key, text.slice(start, start + PART_BYTES));
  }
  return row;
}

/** Adds to `commit` that there is no page; readers believe it until `expiresAt`. */
export function setNoPage(
  commit: Atomic,
  { did, repo }: { did: Did; repo: string },
  seen: Seen,
  expiresAt: number,
): PageRow {
  const row: PageRow = seen;
  commit.set(peopleKeys.page(did, repo), row, { expiresAt });
  for (let part = 0; part < MAX_PARTS; part++) {
    commit.delete(peopleKeys.pageText(did, repo, part));
  }
  return row;
}

/** What a card shows of a page. */
export function cardPage(
  { line, avatar }: NonNullable<PageRow["page"]>,
): NonNullable<CardRow["page"]> {
  return {
    ...(line === undefined ? {} : { line }),
    ...(avatar ? { avatarCid: avatar.ref.$link } : {}),
  };
}

/** The text of {@linkcode setPage} from its rows. */
export function textOf(parts: readonly (Uint8Array | undefined)[]): string {
  const decoder = new TextDecoder();
  let text = "";
  for (const part of parts) {
    if (part) text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}

/** The first line of prose in a Markdown text: no heading, badge, HTML or rule. */
function firstLine(markdown: string): string | undefined {
  for (const line of markdown.slice(0, 5_000).split(/\r?\n/)) {
    const plain = plainText(line);
    if (plain === "") continue;
    const short = [...plain].slice(0, MAX_LINE);
    return short.join("") + (plain.length > short.join("").length ? "…" : "");
  }
  return undefined;
}

/** A line without its marks; empty where it is no prose. */
function plainText(line: string): string {
  if (/^\s*(#|<|!\[|\[!|\||[-=*_`~]{3,}|\[[^\]]*\]:)/.test(line)) return "";
  return printable(line)
    .replace(/!?\[([^\]]{0,200})\]\([^)]{0,500}\)/g, "$1")
    .replace(/^\s*(?:[-*+>]|\d{1,3}[.)])\s+/, "")
    .replace(/[*_`]+/g, "")
    .replace(/\s+/g, " ")
    .trim();
}
