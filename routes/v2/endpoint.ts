/**
 * The endpoints of the distribution API as one tagged union.
 *
 * @module
 */

import type { Digest, DigestAlgorithm } from "../../lib/oci/digest.ts";
import type { PageRequest } from "../../lib/oci/lists.ts";
import type { ImageName, Reference } from "../../lib/oci/name.ts";

/** Methods that read; HEAD is supported wherever GET is. */
type Read = "GET" | "HEAD";

/** The endpoint of a request to `/v2/…`; every part is validated. */
export type Endpoint =
  /** `/v2/`: is this a registry, and am I signed in? */
  | { kind: "base"; method: Read }
  /** `/v2/_catalog`: names of repositories. */
  | { kind: "catalog"; method: Read; page: PageRequest }
  /** `/v2/_oci/ext/discover`, also of one repository: extensions. */
  | { kind: "discover"; method: Read; name: ImageName | undefined }
  /** `/v2/NAME/tags/list`. */
  | { kind: "tags"; method: Read; name: ImageName; page: PageRequest }
  /** `/v2/NAME/manifests/REF`; `tags` are set besides the reference (PUT only). */
  | {
    kind: "manifest";
    method: Read | "PUT" | "DELETE";
    name: ImageName;
    reference: Reference;
    tags: readonly string[];
  }
  /** `/v2/NAME/blobs/DIGEST`. */
  | {
    kind: "blob";
    method: Read | "DELETE";
    name: ImageName;
    digest: Digest;
  }
  /**
   * `POST /v2/NAME/blobs/uploads/`: starts an upload. With `digest` the body is
   * the whole blob; `mount` requests it from another repository, or without
   * `from` from any that the caller may read.
   */
  | {
    kind: "upload_start";
    method: "POST";
    name: ImageName;
    digest: Digest | undefined;
    /** Hash to run over the body. */
    algorithm: DigestAlgorithm;
    mount: { digest: Digest; from: ImageName | undefined } | undefined;
  }
  /** `/v2/NAME/blobs/uploads/ID`; `digest` is present only with PUT. */
  | {
    kind: "upload";
    method: "PUT";
    name: ImageName;
    id: string;
    digest: Digest;
  }
  | {
    kind: "upload";
    method: Read | "PATCH" | "DELETE";
    name: ImageName;
    id: string;
  }
  /** `/v2/NAME/referrers/DIGEST`; no `artifactTypes` means all. */
  | {
    kind: "referrers";
    method: Read;
    name: ImageName;
    digest: Digest;
    artifactTypes: readonly string[];
    page: PageRequest;
  };
