/**
 * Pages of repositories: read, written by their owners, and filled by pushes.
 *
 * @module
 */

import type { Identity } from "../../atproto/identity/identity.ts";
import { blobCid } from "../../atproto/pds/cids.ts";
import type { BlobRef, PdsReader, PdsSession } from "../../atproto/pds/pds.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import {
  MAX_PAGE_BYTES,
  MAX_PAGE_PICTURE_BYTES,
  type PageRecord,
  readPageRecord,
  writePage,
} from "../../atproto/records/page_record.ts";
import { pageRkey } from "../../atproto/records/rkeys.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { type ImageNotes, pageFacts } from "./page_facts.ts";
import {
  fetchPicture,
  fetchText,
  type PagePicture,
  pictureType,
} from "./page_files.ts";
import type { PageIndex, RepositoryPage } from "./page_index.ts";

export interface PagesDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly pds: Pick<PdsReader, "getRecord">;
  readonly fetch: GuardedFetch;
  readonly index: PageIndex;
}

/** What an owner writes on a page. */
export interface PageEdit {
  /** Markdown. */
  readonly text: string;
  /** A new picture, null for none, undefined for the one that is there. */
  readonly picture?: Uint8Array | null;
}

/** Reads a file of a page. */
type Getter<T> = (
  ...args: [guarded: GuardedFetch, url: URL, signal: AbortSignal]
) => Promise<T | undefined>;

/** A page to be stored. */
interface Draft {
  readonly description: string | undefined;
  readonly picture: PagePicture | BlobRef | undefined;
  readonly userEdited: boolean;
}

/** A record as a PDS has it. */
interface Stored {
  /** Undefined when there is none. */
  readonly value: unknown;
  readonly cid: string | undefined;
  /** What it says; undefined when it is no page. */
  readonly page: PageRecord | undefined;
}

const COLLECTION = OWNER_COLLECTIONS.page;
/** A reader waits no longer than this for a PDS, in milliseconds. */
const PATIENCE_MS = 3_000;
/** How long it is taken as known that a repository has no page, in milliseconds; events come earlier. */
const ABSENT_MS = 3_600_000;

/** Reads and writes pages. */
export class Pages {
  readonly #deps: PagesDeps;

  constructor(deps: PagesDeps) {
    this.#deps = deps;
  }

  /**
   * The page of a repository; its PDS is asked where nothing is known here.
   * Undefined when there is none, or the PDS does not answer soon.
   */
  async get(
    { did, pds }: Identity,
    repo: string,
  ): Promise<RepositoryPage | undefined> {
    const { index, clock, log } = this.#deps;
    const ref = { did, repo };
    const known = await index.get(ref);
    if (typeof known === "object") return known;
    if (known === "absent" || pds === undefined) return undefined;
    const at = clock.now();
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      const found = await this.#stored({ did, pds }, repo, signal);
      if (!found.page) await index.noteAbsent(ref, at, ABSENT_MS);
      else await this.#note(did, repo, { ...found, rev: undefined, at });
    } catch (error) {
      log.warn("page not read", { did, repo, error });
      return undefined;
    }
    const now = await index.get(ref);
    return typeof now === "object" ? now : undefined;
  }

  /**
   * Writes a page in the name of its owner; pushes leave it alone from then
   * on. Throws AppError `TOO_LARGE`, `UNSUPPORTED_MEDIA_TYPE`, `CONFLICT` when
   * it is written elsewhere at the same moment, and what the PDS answers.
   */
  async edit(
    session: PdsSession,
    repo: string,
    { text, picture }: PageEdit,
    signal?: AbortSignal,
  ): Promise<void> {
    if (new TextEncoder().encode(text).byteLength > MAX_PAGE_BYTES) {
      throw new AppError(
        "TOO_LARGE",
        `A page has at most ${MAX_PAGE_BYTES} bytes of text; shorten it.`,
      );
    }
    const given = picture ? checkedPicture(picture) : undefined;
    const before = await this.#stored(session, repo, signal);
    await this.#write(session, repo, before, {
      description: text.trim() === "" ? undefined : text,
      picture: picture === undefined ? before.page?.avatar : given,
      userEdited: true,
    }, signal);
  }

  /**
   * Fills the page from what a pushed image says, unless its owner wrote it.
   * What cannot be fetched stays as it is. Throws AppError `CONFLICT` when the
   * page changes at the same moment, and what the PDS answers.
   */
  async fill(
    session: PdsSession,
    repo: string,
    notes: ImageNotes,
    signal: AbortSignal,
  ): Promise<void> {
    const facts = pageFacts(notes);
    if (!facts) return;
    const before = await this.#stored(session, repo, signal);
    const { page } = before;
    if (page?.userEdited) return;
    const { readme, icon } = facts;
    const text = readme && await this.#fetched(readme, fetchText, signal);
    const picture = icon && await this.#fetched(icon, fetchPicture, signal);
    // A text that cannot be had now is better than a sentence in its place.
    const kept = readme
      ? page?.description ?? facts.description
      : facts.description;
    await this.#write(session, repo, before, {
      description: text ?? kept ?? page?.description,
      picture: picture ?? page?.avatar,
      userEdited: false,
    }, signal);
  }

  /** The record of a page as the PDS has it now. */
  async #stored(
    { did, pds }: Pick<PdsSession, "did" | "pds">,
    repo: string,
    signal?: AbortSignal,
  ): Promise<Stored> {
    const rkey = pageRkey(repo);
    const found = await this.#deps.pds.getRecord(
      pds,
      did,
      COLLECTION,
      rkey,
      signal,
    );
    const { value, cid } = found ?? {};
    return { value, cid, page: readPageRecord(value) };
  }

  /** Stores a draft unless the page says the same already. */
  async #write(
    session: PdsSession,
    repo: string,
    before: Stored,
    draft: Draft,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock } = this.#deps;
    const { page } = before;
    const { description, userEdited } = draft;
    const isSame = page !== undefined && page.description === description &&
      page.userEdited === userEdited &&
      cidOf(page.avatar) === cidOf(draft.picture);
    if (isSame) return;
    const avatar = await pictureRef(session, page?.avatar, draft, signal);
    const now = clock.now();
    const value = writePage({
      repository: repo,
      description,
      avatar,
      userEdited,
      createdAt: page?.createdAt ?? now,
      updatedAt: now,
    });
    // A PDS need not give the CID of what it has.
    const swap = before.value === undefined ? null : before.cid || undefined;
    const rkey = pageRkey(repo);
    const written = await session.putRecord(
      COLLECTION,
      rkey,
      value,
      signal,
      swap,
    );
    const { cid, rev } = written;
    await this.#note(session.did, repo, { value, cid, rev, at: clock.now() });
  }

  async #note(
    did: PdsSession["did"],
    repo: string,
    { value, ...seen }: {
      value: unknown;
      cid: string | undefined;
      rev: string | undefined;
      at: number;
    },
  ): Promise<void> {
    await this.#deps.index.apply({
      ...{ did, collection: COLLECTION, rkey: pageRkey(repo) },
      cid: seen.cid,
      rev: seen.rev,
      at: seen.at,
      record: value,
    });
  }

  /** What `url` leads to; undefined when it cannot be had. */
  async #fetched<T>(
    url: URL,
    get: Getter<T>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    const { fetch, log } = this.#deps;
    try {
      return await get(fetch, url, signal);
    } catch (error) {
      signal.throwIfAborted();
      log.info("part of a page not fetched", { url: url.href, error });
      return undefined;
    }
  }
}

/** The reference to the picture of `draft`, which is uploaded where the repo does not have it. */
async function pictureRef(
  session: PdsSession,
  there: BlobRef | undefined,
  { picture }: Draft,
  signal: AbortSignal | undefined,
): Promise<BlobRef | undefined> {
  if (!picture || "ref" in picture) return picture;
  if (there && cidOf(there) === cidOf(picture)) return there;
  return await session.uploadBlob(picture.bytes, picture.mimeType, signal);
}

function checkedPicture(bytes: Uint8Array): PagePicture {
  if (bytes.length > MAX_PAGE_PICTURE_BYTES) {
    throw new AppError(
      "TOO_LARGE",
      `A picture has at most ${MAX_PAGE_PICTURE_BYTES} bytes; choose a smaller one.`,
    );
  }
  const mimeType = pictureType(bytes);
  if (mimeType) return { bytes, mimeType };
  throw new AppError(
    "UNSUPPORTED_MEDIA_TYPE",
    "The picture of a repository must be a PNG, JPEG or WebP file.",
  );
}

/** The CID that a picture has or will have as a blob. */
function cidOf(picture: PagePicture | BlobRef | undefined): string | undefined {
  if (!picture) return undefined;
  return "ref" in picture ? picture.ref.$link : blobCid(picture.bytes);
}
