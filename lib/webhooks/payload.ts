/**
 * JSON body for receivers, with the fields of the original registry and
 * additional ones.
 *
 * @module
 */

import type { Trigger } from "./webhook.ts";
import type { WebhookEvent } from "./event.ts";

/** Context of an event for the receiver. */
export interface Surroundings {
  /** Handle of the owner, or the DID without one. */
  readonly owner: string;
  /** Origin of the hold; undefined while it cannot be resolved. */
  readonly holdEndpoint: string | undefined;
  /** Address of this registry. */
  readonly baseUrl: string;
  readonly popularity: Popularity;
}

/** How much a repository is liked and used, in the whole network. */
export interface Popularity {
  readonly stars: number;
  readonly pulls: number;
}

/** The body for `event`, sent because of `trigger`. */
export function payloadOf(
  event: WebhookEvent,
  trigger: Trigger,
  about: Surroundings,
): Record<string, unknown> {
  if (event.kind === "scan") return scanPayload(event, trigger, about);
  const { did, repo, holdDid } = event;
  const { owner, holdEndpoint, popularity } = about;
  return {
    trigger,
    ...(event.kind === "push"
      ? { push_data: pushData(event, owner) }
      : { delete_data: deleteData(event, owner) }),
    repository: {
      name: `${owner}/${repo}`,
      namespace: owner,
      repo_name: repo,
      repo_url: repositoryUrl(event, about),
      owner_did: did,
      ...(event.kind === "push" ? { media_type: event.mediaType } : {}),
      star_count: popularity.stars,
      pull_count: popularity.pulls,
    },
    hold: {
      did: holdDid,
      ...(holdEndpoint === undefined ? {} : { endpoint: holdEndpoint }),
    },
  };
}

/** The page of the repository. */
export function repositoryUrl(
  { repo }: WebhookEvent,
  { baseUrl, owner }: Surroundings,
): string {
  return `${baseUrl}/r/${owner}/${repo}`;
}

function pushData(
  event: WebhookEvent & { kind: "push" },
  owner: string,
): Record<string, unknown> {
  const { at, did, digest, size, tags } = event;
  const [first] = tags;
  return {
    pushed_at: new Date(at).toISOString(),
    // Only the account itself can push to its repositories.
    pusher: owner,
    pusher_did: did,
    ...(first ? { tag: first.tag } : {}),
    tags: tags.map(({ tag }) => tag),
    digest,
    ...(first?.from === undefined ? {} : { previous_digest: first.from }),
    size,
  };
}

function deleteData(
  { at, did, digest, tag }: WebhookEvent & { kind: "delete" },
  owner: string,
): Record<string, unknown> {
  return {
    deleted_at: new Date(at).toISOString(),
    deleted_by: owner,
    deleted_by_did: did,
    ...(tag === undefined ? {} : { tag }),
    digest,
  };
}

function scanPayload(
  event: WebhookEvent & { kind: "scan" },
  trigger: Trigger,
  { owner, holdEndpoint }: Surroundings,
): Record<string, unknown> {
  const { did, repo, digest, holdDid, previous } = event;
  return {
    trigger,
    holdDid,
    ...(holdEndpoint === undefined ? {} : { holdEndpoint }),
    manifest: {
      digest,
      repository: repo,
      userDid: did,
      userHandle: owner,
    },
    scan: {
      scannedAt: event.scannedAt,
      scannerVersion: event.scannerVersion,
      vulnerabilities: event.vulnerabilities,
    },
    ...(trigger === "scan:changed" && previous ? { previous } : {}),
  };
}
