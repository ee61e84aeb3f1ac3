/**
 * What happens to repositories here, for those outside of the registry who
 * want to hear of it.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Digest } from "../oci/digest.ts";
import type { KeptRow, RepoRef } from "./manifests/manifest_index.ts";

/** A tag that a push has set. */
export interface TagSet {
  readonly tag: string;
  /** Where it pointed before, as far as that is known here; undefined for a new tag. */
  readonly from: Digest | undefined;
}

/** Something that happened to a repository by way of this registry. */
export type RepositoryEvent =
  & {
    readonly ref: RepoRef;
    readonly holdDid: Did;
    /** Milliseconds since the Unix epoch. */
    readonly at: number;
  }
  & (
    | {
      readonly kind: "push";
      readonly digest: Digest;
      readonly mediaType: string;
      /** Of the manifest itself, in bytes. */
      readonly size: number;
      /** At most 50. */
      readonly tags: readonly TagSet[];
    }
    | {
      /** A tag, or a manifest with all of its tags. */
      readonly kind: "delete";
      readonly tag: string | undefined;
      readonly digest: Digest;
    }
  );

/** Hears of events. Neither method waits for anything, and neither throws. */
export interface RepositoryEvents {
  /** The rows of an event, for the commit that makes it happen; none where nobody listens. */
  plan(event: RepositoryEvent): readonly KeptRow[];
  /** Call it when that commit is applied. */
  committed(): void;
}

/** Where nobody hears of anything. */
export const UNHEARD: RepositoryEvents = {
  plan: () => [],
  committed: () => {},
};
