/**
 * What the records of owners say of manifests and tags, checked against their
 * lexicons.
 *
 * @module
 */

import type { RecordTypes } from "../../../lexicons/generated.ts";
import { validateRecord } from "../../atproto/lexicon/lexicon.ts";
import { lexicons } from "../../atproto/lexicon/lexicons.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { readManifest, readTag } from "../../atproto/records/records.ts";
import type { Did } from "../../did.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { isRepository, isTag } from "../../oci/name.ts";
import { contentRow, type ManifestContents } from "./manifest_facts.ts";
import type { FactsRow } from "./rows.ts";

/** Clocks of other servers may be ahead by so much, in milliseconds. */
const SKEW_MS = 5 * 60_000;

/** Most entries of a list in a record that are looked at. */
const MAX_LISTED = 1_000;

/** A tag as its record says. */
export interface NamedTag {
  readonly repo: string;
  readonly tag: string;
  /** Undefined where only the record at `manifestRkey` says it. */
  readonly digest: Digest | undefined;
  readonly manifestRkey: string | undefined;
  /** Milliseconds since the Unix epoch; undefined when it says none, or one to come. */
  readonly at: number | undefined;
}

/** A manifest as its record says. */
export interface NamedManifest {
  readonly digest: Digest;
  readonly facts: FactsRow;
}

/** A record that cannot be used, and why. */
export interface Unusable {
  readonly reason: "lexicon" | "name";
}

/** Reads an `io.atcr.tag`; `now` in milliseconds since the Unix epoch. */
export function namedTag(record: unknown, now: number): NamedTag | Unusable {
  if (!isValid(OWNER_COLLECTIONS.tag, record)) return { reason: "lexicon" };
  const found = readTag(record);
  if (!found) return { reason: "lexicon" };
  const { repository: repo, tag, digest, manifestRkey } = found;
  if (!isRepository(repo) || !isTag(tag)) return { reason: "name" };
  const at = past(found.updatedAt, now);
  return { repo, tag, digest, manifestRkey, at };
}

/** Reads an `io.atcr.manifest`; records that name no hold lie in `defaultHold`. */
export function namedManifest(
  record: unknown,
  now: number,
  defaultHold: Did,
): NamedManifest | Unusable {
  const nsid = OWNER_COLLECTIONS.manifest;
  if (!isValid(nsid, record)) return { reason: "lexicon" };
  const found = readManifest(record);
  if (!found) return { reason: "lexicon" };
  const { digest, repository: repo } = found;
  if (!isRepository(repo)) return { reason: "name" };
  const facts: FactsRow = {
    ...contentRow(contentsOf(record as RecordTypes[typeof nsid])),
    repo,
    holdDid: found.holdDid ?? defaultHold,
    createdAt: past(found.createdAt, now) ?? now,
  };
  return { digest, facts };
}

function isValid(nsid: string, record: unknown): boolean {
  return validateRecord(nsid, record, lexicons).valid;
}

/** Nobody stands first for ever by a date to come. */
function past(at: number | undefined, now: number): number | undefined {
  return at === undefined || at > now + SKEW_MS ? undefined : at;
}

function contentsOf(
  record: RecordTypes["io.atcr.manifest"],
): ManifestContents {
  const { mediaType, config, layers = [], manifests = [], subject } = record;
  const { annotations } = record;
  return {
    mediaType,
    config: config && partOf(config)[0],
    layers: layers.slice(0, MAX_LISTED).flatMap(partOf),
    manifests: manifests.slice(0, MAX_LISTED).flatMap((child) =>
      partOf(child).map((part) => ({ ...part, platform: child.platform }))
    ),
    subject: subject && partOf(subject)[0],
    annotations: typeof annotations === "object" && annotations !== null
      ? annotations as Record<string, unknown>
      : {},
  };
}

function partOf(
  { mediaType, digest, size }: {
    mediaType: string;
    digest: string;
    size: number;
  },
) {
  return isDigest(digest) ? [{ mediaType, digest, size }] : [];
}
