/**
 * The signed records behind manifests and tags, in the owner's repo.
 *
 * @module
 */

import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import {
  type BlobRef,
  MAX_WRITES,
  type PdsReader,
  type PdsSession,
  type RepoWrite,
} from "../../atproto/pds/pds.ts";
import {
  type ManifestFacts,
  writeManifest,
  writeTag,
} from "../../atproto/records/record_writers.ts";
import { readTag, type TagRecord } from "../../atproto/records/records.ts";
import {
  manifestRkey,
  tagRkey,
  tagRkeyAlternative,
} from "../../atproto/records/rkeys.ts";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Digest } from "../../oci/digest.ts";
import {
  committedAlready,
  isRetryable,
  MAY_HAVE_COMMITTED,
} from "./commit_failures.ts";
import { type CommittedRecord, OwnerCommits } from "./owner_commits.ts";
import type { Clock } from "../../clock.ts";

const { manifest: MANIFEST, tag: TAG } = OWNER_COLLECTIONS;

/** A tag record with its key. */
export interface KeyedTagRecord {
  rkey: string;
  record: TagRecord;
}

/** One push to the owner's repo. */
export interface ManifestWrite extends Omit<ManifestFacts, "manifestBlob"> {
  bytes: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  now: number;
  /** The tags, each with the key of its existing record if known. */
  tags: readonly { tag: string; rkey: string | undefined }[];
  /** Index data of the manifest's record; undefined when unknown. */
  known: KnownRecord | undefined;
}

/** A written manifest. */
export interface WrittenManifest {
  readonly blob: BlobRef;
  /** Keys of the tag records, in the order of the tags. */
  readonly rkeys: readonly string[];
  /** The records, as far as the PDS said their CIDs. */
  readonly records: readonly CommittedRecord[];
}

/**
 * Index data of a manifest record. Only a commit that updates the record and
 * references the blob proves that the repo still has both.
 */
export interface KnownRecord {
  /** False when the record's key was chosen by another service. */
  exists: boolean;
  blob: BlobRef;
}

/** Where the record of a tag is, or will be. */
interface TagPlace {
  readonly tag: string;
  readonly rkey: string;
  readonly exists: boolean;
}

/** Writes and removes records in owners' repos. */
export class OwnerRecords {
  readonly #pds: PdsReader;
  readonly #commits: OwnerCommits;

  constructor(pds: PdsReader, clock: Clock) {
    this.#pds = pds;
    this.#commits = new OwnerCommits(clock);
  }

  /**
   * Writes the manifest with its exact bytes as a blob, and its tags, in one
   * commit. A known record is written again, because others may have removed
   * it: the PDS refuses to update a deleted record.
   */
  async write(
    session: PdsSession,
    write: ManifestWrite,
    signal?: AbortSignal,
  ): Promise<WrittenManifest> {
    const { bytes, known, manifest, repository } = write;
    const push = { ...write, did: session.did };
    const guess = write.tags.map(({ tag, rkey }) => ({
      tag,
      rkey: rkey ?? tagRkey(repository, tag),
      exists: rkey !== undefined,
    }));
    const rkeys = guess.map(({ rkey }) => rkey);
    const upload = () => session.uploadBlob(bytes, manifest.mediaType, signal);
    const first = known ? known.blob : upload();
    const writes = (
      manifestBlob: BlobRef,
      exists: boolean,
      places: readonly TagPlace[],
      isLean = false,
    ) => pushWrites({ ...push, manifestBlob, isLean }, exists, places);
    let planned: readonly RepoWrite[] = [];
    const prepare = (blob: BlobRef) =>
      planned = writes(blob, known?.exists ?? false, guess);
    let isLean = false;
    try {
      const records = await this.#commits.commit(
        session,
        first instanceof Promise ? first.then(prepare) : prepare(first),
      );
      return { blob: await first, rkeys, records };
    } catch (error) {
      // Without tags, a known record may be as it was before.
      if (isAppError(error, ...MAY_HAVE_COMMITTED) && (!known || guess[0])) {
        const records = await committedAlready(
          this.#pds,
          session,
          planned,
          signal,
        );
        if (!records) throw error;
        return { blob: await first, rkeys, records };
      }
      if (!isRetryable(error)) throw error;
      // Some PDSes take records of 150 kB at most; the blob has everything.
      isLean = isAppError(error, "TOO_LARGE");
    }
    // If the upload failed, this throws its error.
    const uploaded = await first;
    // The repo differs from our index: another service writes to it too.
    const places = await Promise.all(
      write.tags.map(({ tag }) => this.#placeOfTag(session, repository, tag)),
    );
    const existing = await this.#manifestAt(session, write.digest, signal);
    // The PDS may no longer have a known blob.
    const blob = known ? await upload() : uploaded;
    const records = await this.#commits.commit(
      session,
      writes(blob, existing !== undefined, places, isLean),
    );
    return { blob, rkeys: places.map((p) => p.rkey), records };
  }

  /**
   * Throws AppError `UNAVAILABLE` when the PDS does not respond to a read of a
   * manifest's record.
   */
  async requireReachable(
    session: PdsSession,
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#manifestAt(session, digest, signal);
  }

  /** One page of 100 of the owner's tag records. */
  async tagPage(
    { pds, did }: PdsSession,
    cursor: string | undefined,
    signal: AbortSignal,
  ): Promise<{ tags: KeyedTagRecord[]; cursor: string | undefined }> {
    const page = await this.#pds.listRecords(pds, did, TAG, {
      limit: 100,
      signal,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const tags = page.records.flatMap(({ uri, value }) => {
      const record = readTag(value);
      const rkey = uri.slice(uri.lastIndexOf("/") + 1);
      return record ? [{ rkey, record }] : [];
    });
    return { tags, cursor: page.cursor };
  }

  /** The tag record at `rkey`, or undefined when there is none. */
  async tagAt(
    { pds, did }: PdsSession,
    rkey: string,
    signal: AbortSignal,
  ): Promise<TagRecord | undefined> {
    const record = await this.#pds.getRecord(pds, did, TAG, rkey, signal);
    return readTag(record?.value);
  }

  /** Removes the records of a manifest and of tags; skips missing ones. */
  async remove(
    session: PdsSession,
    what: { manifestRkeys: readonly string[]; tagRkeys: readonly string[] },
    signal?: AbortSignal,
  ): Promise<void> {
    const removal = (collection: string) => (rkey: string): RepoWrite => ({
      action: "delete",
      collection,
      rkey,
    });
    const writes = [
      ...what.tagRkeys.map(removal(TAG)),
      ...what.manifestRkeys.map(removal(MANIFEST)),
    ];
    if (writes.length === 0) return;
    // `deleteRecord` accepts missing records, unlike `applyWrites`.
    const oneByOne = async () => {
      for (const { collection, rkey } of writes) {
        await session.deleteRecord(collection, rkey, signal);
      }
    };
    if (writes.length === 1) return await oneByOne();
    try {
      for (let i = 0; i < writes.length; i += MAX_WRITES) {
        await this.#commits.commit(session, writes.slice(i, i + MAX_WRITES));
      }
    } catch (error) {
      if (!isRetryable(error)) throw error;
      await oneByOne();
    }
  }

  /** Changes the repository in the record of a manifest to another one that has it. */
  async bequeath(
    session: PdsSession,
    digest: Digest,
    repository: string,
    signal?: AbortSignal,
  ): Promise<void> {
    const record = await this.#manifestAt(session, digest, signal);
    if (!record || record.value["repository"] === repository) return;
    const value = { ...record.value, repository };
    await session.putRecord(MANIFEST, manifestRkey(digest), value, signal);
  }

  #manifestAt(
    { pds, did }: PdsSession,
    digest: Digest,
    signal: AbortSignal | undefined,
  ) {
    const rkey = manifestRkey(digest);
    return this.#pds.getRecord(pds, did, MANIFEST, rkey, signal);
  }

  /** The current or future key of a tag's record: keys of two tags can collide. */
  async #placeOfTag(
    { pds, did }: PdsSession,
    repo: string,
    tag: string,
  ): Promise<TagPlace> {
    for (const rkey of [tagRkey(repo, tag), tagRkeyAlternative(repo, tag)]) {
      const record = await this.#pds.getRecord(pds, did, TAG, rkey);
      if (!record) return { tag, rkey, exists: false };
      const found = readTag(record.value);
      if (found?.repository === repo && found.tag === tag) {
        return { tag, rkey, exists: true };
      }
    }
    throw new AppError(
      "CONFLICT",
      `The tag ${tag} cannot be written: records of other tags sit at both of its keys in your repo.`,
    );
  }
}

/** The writes of one push: the record of the manifest, then those of its tags. */
function pushWrites(
  push: ManifestFacts & { did: Did; now: number; isLean: boolean },
  exists: boolean,
  tags: readonly TagPlace[],
): RepoWrite[] {
  const { did, repository, digest, manifest: { mediaType }, now } = push;
  const action = (exists: boolean) => exists ? "update" : "create";
  return [
    {
      action: action(exists),
      collection: MANIFEST,
      rkey: manifestRkey(digest),
      value: writeManifest(push, push.isLean),
    },
    ...tags.map(({ tag, rkey, exists }): RepoWrite => ({
      action: action(exists),
      collection: TAG,
      rkey,
      value: writeTag({ did, repository, tag, digest, mediaType, now }),
    })),
  ];
}
