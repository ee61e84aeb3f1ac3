/**
 * Reports who asks for manifests: to the hold of the image, and to those who
 * count pulls here.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Caller, HoldDirectory } from "../hold_api/hold_client.ts";
import type { Metrics } from "../metrics.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/name.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";
import type { ManifestInfo } from "./manifests/manifests.ts";

/** A request for a manifest that was answered. */
export interface ServedManifest extends RepoRef {
  /** Undefined when it was requested by digest. */
  readonly tag: string | undefined;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Whether the manifest has a subject, as signatures and attestations have. */
  readonly isReferrer: boolean;
  /** The same for the requests of one pull; undefined when nothing distinguishes them from others. */
  readonly client: string | undefined;
}

/** Counts pulls. The methods do not block and do not throw. */
export interface PullListener {
  /** A client learned where a tag leads (HEAD). */
  looked(request: ServedManifest): void;
  /** A client received a manifest (GET). `reportedTo` is the hold that counts it as well. */
  pulled(request: ServedManifest, reportedTo: Did | undefined): void;
}

export interface PullsDeps {
  holds: HoldDirectory;
  metrics: Metrics;
  pulls: PullListener;
}

/** A request for a manifest. */
export interface ManifestRequest {
  readonly ref: RepoRef;
  readonly reference: Reference;
  readonly caller: Caller;
  /** As in {@linkcode ServedManifest}. */
  readonly client: string | undefined;
}

/** Reports pulls. */
export class Pulls {
  readonly #deps: PullsDeps;

  constructor(deps: PullsDeps) {
    this.#deps = deps;
  }

  /** Reports that a client learned which manifest is meant (HEAD). */
  looked(request: ManifestRequest, info: ManifestInfo): void {
    this.#deps.pulls.looked(servedOf(request, info));
  }

  /** Reports that a client received a manifest (GET). */
  async pulled(request: ManifestRequest, info: ManifestInfo): Promise<void> {
    const { holds, metrics, pulls } = this.#deps;
    const { ref, caller } = request;
    const { digest, mediaType, holdDid } = info;
    const hold = await holds.get(holdDid);
    metrics.manifestPulls.inc();
    const isReported = hold.countPull(caller, {
      owner: ref.did,
      repository: ref.repo,
      digest,
      mediaType,
    });
    pulls.pulled(servedOf(request, info), isReported ? holdDid : undefined);
  }
}

function servedOf(
  { ref, reference, client }: ManifestRequest,
  { digest, mediaType, isReferrer }: ManifestInfo,
): ServedManifest {
  const tag = reference.kind === "tag" ? reference.tag : undefined;
  return { ...ref, tag, digest, mediaType, isReferrer, client };
}
