/**
 * What a registry reports to a hold of pushes and pulls
 * (`io.atcr.hold.notifyManifest`).
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Digest } from "../oci/digest.ts";

/** A descriptor as an event has it. */
export interface EventDescriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** A manifest that was pushed. */
export interface PushEvent {
  readonly repository: string;
  readonly owner: Did;
  /** Undefined in the events of early registries, which have a tag. */
  readonly digest?: Digest | undefined;
  readonly tag?: string | undefined;
  readonly manifest: {
    readonly mediaType: string;
    readonly config?: EventDescriptor | undefined;
    readonly layers: readonly (EventDescriptor & { mediaType: string })[];
    readonly manifests?:
      | readonly (EventDescriptor & {
        mediaType: string;
        platform?: { os: string; architecture: string } | undefined;
      })[]
      | undefined;
  };
}

/** A manifest that was pulled. */
export interface PulledManifest {
  readonly repository: string;
  readonly owner: Did;
  readonly digest: Digest;
  readonly mediaType: string;
}
