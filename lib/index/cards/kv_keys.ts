/**
 * Keys of what the index knows of repositories. Rows under `index` are derived
 * and can be made again; those under `observed` cannot.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, KeyPart } from "../../kv/kv.ts";
import { type Digest, digestParts } from "../../oci/digest.ts";
import { newestFirst } from "../order.ts";
import { INDEX_VERSION } from "../version.ts";

const row = (kind: string, ...parts: KeyPart[]): Key => [
  "index",
  INDEX_VERSION,
  kind,
  ...parts,
];

/** Bytes of a layer's hash in a key: enough to tell all layers apart. */
const LAYER_KEY_BYTES = 16;

/** Where earlier versions put a repository in orders by time: they knew full seconds only. */
export function formerOrderTime(at: number): number {
  return at - at % 1000;
}

/** The time of a key part made by `newestFirst`, in milliseconds since the Unix epoch. */
export function timeOfPart(part: KeyPart | undefined): number {
  return Number.MAX_SAFE_INTEGER - Number(part);
}

/** The digest in a key. */
export function digestOfPart(part: KeyPart | undefined): Digest {
  const hash = part instanceof Uint8Array ? part : new Uint8Array();
  return `${hash.length === 64 ? "sha512" : "sha256"}:${hash.toHex()}`;
}

/** Key builders and prefixes. Times are milliseconds since the Unix epoch. */
export const cardKeys = {
  /** What a page shows of a repository. */
  card: (did: Did, repo: string) => row("card", did, repo),
  cards: (did: Did) => row("card", did),
  allCards: () => row("card"),

  /** Facts of a manifest; an owner has one record for all repositories that have it. */
  manifest: (did: Did, digest: Digest) =>
    row("manifest", did, digestPart(digest)),
  manifests: (did: Did) => row("manifest", did),
  everyManifest: () => row("manifest"),
  /** The digest of a manifest whose record has a key of another making. */
  manifestRecord: (did: Did, rkey: string) => row("manifest_record", did, rkey),

  /** Where a tag points, by the records that claim it. */
  tag: (did: Did, repo: string, tag: string) => row("tag", did, repo, tag),
  tags: (did: Did, repo: string) => row("tag", did, repo),
  allTags: (did: Did) => row("tag", did),
  /** The tag of a record whose key does not give it. */
  tagRecord: (did: Did, rkey: string) => row("tag_record", did, rkey),
  /** Tags by the time of their last move. */
  tagTime: (did: Did, repo: string, at: number, tag: string) =>
    row("tag_time", did, repo, newestFirst(at), tag),
  tagTimes: (did: Did, repo: string) => row("tag_time", did, repo),
  everyTagTime: () => row("tag_time"),
  /** Tags of a digest. */
  digestTag: (did: Did, digest: Digest, repo: string, tag: string) =>
    row("digest_tag", did, digestPart(digest), repo, tag),
  digestTags: (did: Did, digest: Digest, ...repo: [] | [string]) =>
    row("digest_tag", did, digestPart(digest), ...repo),

  everyDigestTag: () => row("digest_tag"),

  /** Indexes that name a manifest. */
  inIndex: (did: Did, child: Digest, index: Digest) =>
    row("in_index", did, digestPart(child), digestPart(index)),
  everyInIndex: () => row("in_index"),
  /** Manifests that have a layer. */
  layer: (layer: Digest, did: Did, digest: Digest) =>
    row("layer", layerPart(layer), did, digestPart(digest)),
  layers: (layer: Digest) => row("layer", layerPart(layer)),
  everyLayer: () => row("layer"),

  /** Cards by the time of their newest tag: of everybody, and of an owner. */
  updated: (at: number, did: Did, repo: string) =>
    row("updated", newestFirst(at), did, repo),
  allUpdated: () => row("updated"),
  updatedOf: (did: Did, at: number, repo: string) =>
    row("updated_of", did, newestFirst(at), repo),
  allUpdatedOf: (did: Did) => row("updated_of", did),
  everyUpdatedOf: () => row("updated_of"),

  /** Counters of an owner. */
  count: (did: Did, what: "repositories" | "tags") => row("count", did, what),

  /** How many manifests of an owner came by way of the network; at least. */
  bound: (did: Did) => row("bound", did),

  /** A record that is gone, with the revision that removed it; expires. */
  gone: (did: Did, collection: string, rkey: string) =>
    row("gone", did, collection, rkey),

  /** How a tag moved: what no PDS gives back. */
  tagMove: (did: Did, repo: string, tag: string, at: number): Key => [
    "observed",
    "tag_move",
    did,
    repo,
    tag,
    newestFirst(at),
  ],
  allTagMoves: (): Key => ["observed", "tag_move"],
  tagMoves: (did: Did, repo: string, tag: string): Key => [
    "observed",
    "tag_move",
    did,
    repo,
    tag,
  ],
} as const;

/** A digest in half the bytes of its text; the algorithms have hashes of different length. */
function digestPart(digest: Digest): Uint8Array {
  return Uint8Array.fromHex(digestParts(digest).hex);
}

function layerPart(layer: Digest): Uint8Array {
  return digestPart(layer).subarray(0, LAYER_KEY_BYTES);
}
