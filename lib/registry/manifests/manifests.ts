/**
 * Reads and deletes manifests and tags. Indexed ones are returned without a
 * remote call, unknown ones are looked up in the owner's repo. Known tags are
 * rechecked against the owner's repo in the background, because other services
 * may move them.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Identity } from "../../atproto/identity/identity.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { type Digest, digestOf, digestParts } from "../../oci/digest.ts";
import type { Reference } from "../../oci/name.ts";
import type { Discovery } from "./discovery.ts";
import type { Caller } from "../../hold_api/hold_client.ts";
import type { ManifestDeletion } from "./manifest_deletion.ts";
import type { ManifestIndex, RepoRef } from "./manifest_index.ts";
import type { HiddenRepositories } from "../owners/hidden_repositories.ts";
import type { OwnerRecords } from "../owners/owner_records.ts";
import type { RecordCheck } from "./record_check.ts";
import { infoOf } from "../rows.ts";
import type { RepositoryEvents } from "../repository_events.ts";
import type { WriteLeases } from "../write_leases.ts";

export interface ManifestsDeps {
  clock: Clock;
  leases: WriteLeases;
  log: Logger;
  hidden: Pick<HiddenRepositories, "requireNoneHidden" | "requireRead">;
  index: ManifestIndex;
  discovery: Discovery;
  records: OwnerRecords;
  recordCheck: Pick<RecordCheck, "ended" | "later" | "now">;
  deletion: Pick<ManifestDeletion, "delete">;
  events: RepositoryEvents;
  /** Age at which a known tag is rechecked against the owner's repo, in milliseconds. */
  tagRecheckMs: number;
}

/** A manifest without its bytes. */
export interface ManifestInfo {
  digest: Digest;
  mediaType: string;
  /** Bytes. */
  size: number;
  /** The hold with the blobs. */
  holdDid: Did;
  /** When it was pushed, or the tag set, in milliseconds since the Unix epoch. */
  knownSince: number;
  /** Whether it is known to have a subject. */
  isReferrer: boolean;
}

/** Resolves, reads and deletes manifests (distribution-spec, "Pulling Manifests", "Deleting"). */
export class Manifests {
  readonly #deps: ManifestsDeps;

  constructor(deps: ManifestsDeps) {
    this.#deps = deps;
  }

  /**
   * Resolves `reference`. Throws AppError `MANIFEST_UNKNOWN`, and `DENIED` or
   * `UNAUTHORIZED` when the hold of the image does not let `caller` read.
   * `admit` is awaited before the owner's PDS is queried for unknown
   * references; its errors are passed on. With `confirm` the owner's repo is
   * queried for known ones too, because clients do not push what exists. While
   * the PDS does not respond, the index is used.
   */
  async resolve(
    owner: Identity,
    repo: string,
    reference: Reference,
    caller: Caller,
    { admit, confirm = false }: {
      admit?: () => Promise<void>;
      confirm?: boolean;
    } = {},
  ): Promise<ManifestInfo> {
    const { hidden, recordCheck } = this.#deps;
    let info: ManifestInfo | undefined;
    let asked = false;
    const counted = async () => {
      asked = true;
      await admit?.();
    };
    try {
      const { ended } = recordCheck;
      info = await this.#find(owner, repo, reference, counted);
      if (
        info && confirm &&
        await recordCheck.now(owner, repo, info.digest, reference, ended)
      ) info = await this.#find(owner, repo, reference, counted);
    } catch (error) {
      // The reason why existence is unknown is for readers only, too.
      if (isAppError(error)) await this.#requireMiss(owner, repo, caller);
      throw error;
    }
    if (!info) {
      await this.#requireMiss(owner, repo, caller);
      throw unknownManifest(reference);
    }
    try {
      await hidden.requireRead(owner.did, info.holdDid, caller);
    } catch (error) {
      const isStranger = isAppError(error) && caller !== owner.did;
      if (isStranger && !asked) {
        await this.#askInVain(owner, repo, reference, admit);
      }
      throw error;
    }
    recordCheck.later(owner, repo, info.digest, info.knownSince);
    return info;
  }

  /** Throws AppError `DENIED`, `UNAUTHORIZED` or `UNAVAILABLE` when `caller` may not learn what is missing. */
  async #requireMiss(
    owner: Identity,
    repo: string,
    caller: Caller,
  ): Promise<void> {
    const { hidden, index } = this.#deps;
    const { did } = owner;
    const repository = await index.repository({ did, repo });
    if (!repository) await hidden.requireNoneHidden(did, caller);
    else await hidden.requireRead(did, repository.holdDid, caller);
  }

  /**
   * Asks what is asked about a missing reference, and counts it for the caller
   * in the same way: a refusal must not tell by its time what exists.
   */
  async #askInVain(
    owner: Identity,
    repo: string,
    reference: Reference,
    admit?: () => Promise<void>,
  ): Promise<void> {
    const name = reference.kind === "tag" ? reference.tag : reference.digest;
    const digest = digestOf(
      new TextEncoder().encode(`missing ${repo} ${name}`),
    );
    const missing: Reference = reference.kind === "tag"
      ? { kind: "tag", tag: digestParts(digest).hex }
      : { kind: "digest", digest };
    try {
      await this.#find(owner, repo, missing, admit);
    } catch (error) {
      if (!isAppError(error)) throw error;
    }
  }

  async #find(
    owner: Identity,
    repo: string,
    reference: Reference,
    admit?: () => Promise<void>,
  ): Promise<ManifestInfo | undefined> {
    const { index, discovery } = this.#deps;
    const ref = { did: owner.did, repo };
    if (reference.kind === "digest") {
      const { digest } = reference;
      let row = await index.manifest(ref, digest);
      if (!row) {
        await admit?.();
        row = await discovery.findManifest(owner, repo, digest, admit);
      }
      return row && { ...infoOf(row), digest };
    }
    let row = (await index.tag(ref, reference.tag))?.value;
    if (row) this.#recheck(owner, repo, reference.tag, row.checkedAt);
    else {
      await admit?.();
      row = await discovery.findTag(owner, repo, reference.tag, admit);
    }
    return row && { ...infoOf(row), digest: row.digest };
  }

  /** The exact bytes of a manifest returned by {@linkcode resolve}. */
  async bytes(
    owner: Identity,
    repo: string,
    digest: Digest,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const found = await this.#deps.discovery.bytes(owner, repo, digest);
    if (!found) throw unknownManifest({ kind: "digest", digest });
    return found;
  }

  /**
   * Deletes a tag, or a manifest with all its tags, from the owner's repo and
   * from the index (end-9). The records of many tags are removed from the
   * owner's repo after this has returned. Throws AppError `MANIFEST_UNKNOWN`,
   * `UNSUPPORTED` when a tagged index needs the manifest, and `UNAVAILABLE`
   * when the PDS does not respond; nothing changes then.
   */
  async delete(
    owner: Identity,
    repo: string,
    session: PdsSession,
    reference: Reference,
    signal?: AbortSignal,
  ): Promise<void> {
    const { leases, deletion } = this.#deps;
    const ref = { did: owner.did, repo };
    if (!await this.#find(owner, repo, reference)) {
      throw unknownManifest(reference);
    }
    const what = reference.kind === "tag"
      ? { tags: [reference.tag] }
      : { digest: reference.digest, tags: [] };
    await leases.hold(
      ref,
      what,
      (lost) =>
        reference.kind === "tag"
          ? this.#deleteTag(ref, session, reference.tag, lost, signal)
          : deletion.delete(ref, session, reference.digest, { lost, signal }),
      signal,
    );
  }

  async #deleteTag(
    ref: RepoRef,
    session: PdsSession,
    tag: string,
    lost: AbortSignal,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { index, records, events, clock } = this.#deps;
    const known = await index.tag(ref, tag);
    if (!known) throw unknownManifest({ kind: "tag", tag });
    const ended = signal ? AbortSignal.any([signal, lost]) : lost;
    const removed = new Set<string>();
    // A recheck against the owner's repo may write the row concurrently.
    await index.tagChanges.removeWhile(ref, tag, async ({ rkey }) => {
      if (!removed.has(rkey)) {
        const what = { manifestRkeys: [], tagRkeys: [rkey] };
        await records.remove(session, what, ended);
        removed.add(rkey);
      }
      lost.throwIfAborted();
      return true;
    }, ({ digest = known.value.digest }) =>
      events.plan({
        kind: "delete",
        ref,
        holdDid: known.value.holdDid,
        at: clock.now(),
        tag,
        digest,
      }));
    events.committed();
  }

  /** Rechecks a known tag against the owner's repo, in the background. */
  #recheck(
    owner: Identity,
    repo: string,
    tag: string,
    checkedAt: number,
  ): void {
    const { clock, discovery, log, tagRecheckMs } = this.#deps;
    if (isWithin(checkedAt, tagRecheckMs, clock.now())) return;
    discovery.recheckTag(owner, repo, tag).catch((error) =>
      log.debug("tag not compared with the owner's repo", {
        did: owner.did,
        repo,
        tag,
        error,
      })
    );
  }
}

function unknownManifest(reference: Reference): AppError {
  const name = reference.kind === "tag"
    ? `tag ${reference.tag}`
    : `manifest ${reference.digest}`;
  return new AppError("MANIFEST_UNKNOWN", `The repository has no ${name}.`);
}
