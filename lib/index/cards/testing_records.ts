/**
 * Records of made-up owners, and an index that receives them, for tests.
 *
 * @module
 */

import {
  writeManifest,
  writeTag,
} from "../../atproto/records/record_writers.ts";
import { manifestRkey, tagRkey } from "../../atproto/records/rkeys.ts";
import type { Did } from "../../did.ts";
import { openKv } from "../../kv/open_kv.ts";
import { type Digest, digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { ManualClock } from "../../testing_clock.ts";
import type { RecordChange } from "../record_change.ts";
import { RepositoryRecords } from "./repository_records.ts";

export const ALICE: Did = "did:plc:alicealicealicealiceal22";
export const BOB: Did = "did:plc:bobbobbobbobbobbobbobb22";
export const HOLD: Did = "did:web:hold.example.com";
export const MANIFEST = "io.atcr.manifest";
export const TAG = "io.atcr.tag";

/** The bytes of an image identified by its name, with the layers of these names. */
export function imageBytes(
  name: string,
  layers: readonly string[] = [],
  annotations: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  return encoded({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: part("application/vnd.oci.image.config.v1+json", name, 1_000),
    layers: layers.map((layer) =>
      part("application/vnd.oci.image.layer.v1.tar+gzip", layer, 2_000_000)
    ),
    annotations: { ...annotations, name },
  });
}

/** The bytes of an index over images. */
export function indexBytes(
  children: readonly { digest: Digest; platform: string }[],
): Uint8Array<ArrayBuffer> {
  return encoded({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: children.map(({ digest, platform }) => {
      const [os = "", architecture = ""] = platform.split("/");
      return {
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest,
        size: 500,
        platform: { os, architecture },
      };
    }),
  });
}

function encoded(document: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(document));
}

function part(mediaType: string, name: string, size: number) {
  return { mediaType, digest: digestOf(new TextEncoder().encode(name)), size };
}

/** The record of a manifest. */
export function manifestRecord(
  repository: string,
  bytes: Uint8Array<ArrayBuffer>,
  createdAt: number,
  holdDid: Did = HOLD,
): Record<string, unknown> {
  const cid = "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy";
  return writeManifest({
    repository,
    digest: digestOf(bytes),
    manifest: parseManifest(bytes),
    holdDid,
    manifestBlob: {
      $type: "blob",
      ref: { $link: cid },
      mimeType: "application/json",
      size: bytes.length,
    },
    createdAt,
  });
}

/** Revisions in the order of `n`. */
export function revOf(n: number): string {
  const digits = "234567abcdefghijklmnopqrstuvwxyz";
  const text = n.toString(32)
    .replace(/./g, (digit) => digits[parseInt(digit, 32)] ?? "");
  return `3zzz${text.padStart(9, "2")}`;
}

/** An index in memory that receives records. */
export async function startTestRecords(bounds: {
  maxTags?: number;
  maxRepositories?: number;
} = {}) {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const ignored: string[] = [];
  const records = new RepositoryRecords({
    ...{ kv, defaultHold: HOLD, maxManifests: 1_000 },
    ...{ maxTags: 1_000, maxRepositories: 100, ...bounds },
    watch: {
      ignored: (collection, reason) => ignored.push(`${collection} ${reason}`),
      rowsRead: () => {},
    },
  });
  const apply = (change: Partial<RecordChange>) =>
    records.apply({
      did: ALICE,
      collection: TAG,
      rkey: "",
      rev: undefined,
      cid: undefined,
      at: clock.now(),
      record: undefined,
      ...change,
    });
  const manifest = async (
    repository: string,
    bytes: Uint8Array<ArrayBuffer>,
    rest: Partial<RecordChange> = {},
  ) => {
    const digest = digestOf(bytes);
    await apply({
      collection: MANIFEST,
      rkey: manifestRkey(digest),
      record: manifestRecord(repository, bytes, clock.now()),
      ...rest,
    });
    return digest;
  };
  const tag = (
    repository: string,
    name: string,
    digest: Digest,
    rest: Partial<RecordChange> = {},
    now = clock.now(),
  ) =>
    apply({
      rkey: rest.rkey ?? tagRkey(repository, name),
      record: writeTag({
        did: rest.did ?? ALICE,
        repository,
        tag: name,
        digest,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        now,
      }),
      ...rest,
    });
  return {
    ...{ kv, clock, records, ignored, apply, manifest, tag },
    [Symbol.dispose]: () => kv.close(),
  };
}
