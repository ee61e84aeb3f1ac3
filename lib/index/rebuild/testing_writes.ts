/**
 * Records that owners of a small network write at random, for tests.
 *
 * @module
 */

import { writeTag } from "../../atproto/records/record_writers.ts";
import { OWNER_COLLECTIONS } from "../../atproto/records/collections.ts";
import { writePage } from "../../atproto/records/page_record.ts";
import { manifestRkey, pageRkey } from "../../atproto/records/rkeys.ts";
import { writeStar } from "../../atproto/records/star_record.ts";
import type { Did } from "../../did.ts";
import { digestOf } from "../../oci/digest.ts";
import {
  ALICE,
  BOB,
  imageBytes,
  indexBytes,
  MANIFEST,
  manifestRecord,
  TAG,
} from "../cards/testing_records.ts";
import { CAPTAIN, CREW } from "../holds/hold_rows.ts";
import { CAPTAIN_RECORD, crewRecord } from "../holds/testing_holds.ts";
import type { KeptTag } from "./sources.ts";
import type { Choices } from "./testing_random.ts";

/** A record that is written, or deleted. */
export interface Write {
  readonly collection: string;
  readonly rkey: string;
  readonly record: Record<string, unknown> | undefined;
}

const CAROL: Did = "did:plc:carolcarolcarolcarolca22";
/** All accounts of the network. */
export const OWNERS: readonly Did[] = [ALICE, BOB, CAROL];
/** Collections of stars and pages. */
export const { star: STAR, page: PAGE } = OWNER_COLLECTIONS;
/** Names of repositories. */
export const REPOS = ["app", "team/web_app", "db", "a_b"];
/** Names of tags. */
export const TAGS = ["latest", "v1", "v2", "v1_2", "b_c", "nightly"];

/** One of thirty images, some of them with an index. */
export function someImage(choices: Choices): Uint8Array<ArrayBuffer> {
  const number = choices.below(30);
  const image = imageBytes(`image ${number}`, [`l${number % 4}`], {
    "org.opencontainers.image.description": `word${number % 5} and so on`,
  });
  return number < 6
    ? indexBytes([{ digest: digestOf(image), platform: "linux/amd64" }])
    : image;
}

/** The record of a manifest. */
export function manifestWrite(
  repo: string,
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
): Write {
  return {
    collection: MANIFEST,
    rkey: manifestRkey(digestOf(bytes)),
    record: manifestRecord(repo, bytes, at),
  };
}

/** The record of a tag, with the rkey it has. */
export function tagWrite(
  did: Did,
  { repo, tag, digest, at, rkey }: KeptTag,
): Write {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const facts = { did, repository: repo, tag, digest, mediaType };
  return { collection: TAG, rkey, record: writeTag({ ...facts, now: at }) };
}

/** A star, a page, or a hold with its crew. */
export function someStatement(choices: Choices, at: number): Write {
  const repo = choices.of(REPOS);
  return choices.of<() => Write>([
    () => ({
      collection: STAR,
      // Two records may stand for one star.
      rkey: `${repo.replaceAll("/", "~")}-${choices.below(2)}`,
      record: writeStar({
        did: choices.of(OWNERS),
        repo,
        createdAt: at,
      }),
    }),
    () => ({
      collection: PAGE,
      rkey: pageRkey(repo),
      record: writePage({
        repository: repo,
        description: "word ".repeat(choices.below(2) * 15_000 + 3),
        avatar: undefined,
        userEdited: true,
        createdAt: at,
        updatedAt: at,
      }),
    }),
    () => ({
      collection: CAPTAIN,
      rkey: "self",
      record: { ...CAPTAIN_RECORD, owner: choices.of(OWNERS) },
    }),
    () => ({
      collection: CREW,
      rkey: `member-${choices.below(4)}`,
      record: crewRecord(choices.of(OWNERS)),
    }),
  ])();
}
