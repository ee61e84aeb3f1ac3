/**
 * Events of repositories, for subscribers outside of the registry.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type { Digest } from "../oci/digest.ts";
import type { JoinedRow } from "../kv/joined_rows.ts";
import type { RepoRef } from "./manifests/manifest_index.ts";

/** A tag set by a push. */
export interface TagSet {
  readonly tag: string;
  /** Its previous target, if known here; undefined for a new tag. */
  readonly from: Digest | undefined;
}

/** An event of a repository, caused through this registry. */
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

/** Receives events. The methods do not block and do not throw. */
export interface RepositoryEvents {
  /** The rows of an event, for the commit that causes it; none without subscribers. */
  plan(event: RepositoryEvent): readonly JoinedRow[];
  /** Call it after that commit is applied. */
  committed(): void;
}

/** Used without subscribers. */
export const UNHEARD: RepositoryEvents = {
  plan: () => [],
  committed: () => {},
};
