/**
 * Pushes and pulls that a registry reports to a hold
 * (`io.atcr.hold.notifyManifest`).
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Digest } from "../oci/digest.ts";

/** A descriptor in an event. */
export interface EventDescriptor {
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

/** A manifest that was pushed. */
export interface PushEvent {
  readonly repository: string;
  readonly owner: Did;
  /** Undefined in events of early registries, which send a tag. */
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
