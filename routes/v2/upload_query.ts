/**
 * Parses the query of the request that starts an upload.
 *
 * @module
 */

import { AppError, isAppError } from "../../lib/errors.ts";
import {
  type Digest,
  type DigestAlgorithm,
  digestParts,
  isDigest,
  isDigestAlgorithm,
  parseDigest,
} from "../../lib/oci/digest.ts";
import { type ImageName, parseImageName } from "../../lib/oci/name.ts";
import { quote } from "../../lib/text.ts";

/**
 * The digest of a new blob, if known, and the hash to run over the body. Throws
 * AppError `DIGEST_INVALID`.
 */
export function parseNewDigest(
  query: URLSearchParams,
): { digest: Digest | undefined; algorithm: DigestAlgorithm } {
  const text = query.get("digest");
  const digest = text === null ? undefined : parseDigest(text);
  const algorithm = digest === undefined
    ? query.get("digest-algorithm") || "sha256"
    : digestParts(digest).algorithm;
  if (!isDigestAlgorithm(algorithm)) {
    throw new AppError(
      "DIGEST_INVALID",
      `The digest algorithm ${quote(algorithm)} is not supported; ` +
        "use sha256 or sha512.",
    );
  }
  return { digest, algorithm };
}

/** An invalid mount is not an error: the client falls back to the upload. */
export function parseMount(
  query: URLSearchParams,
): { digest: Digest; from: ImageName | undefined } | undefined {
  const digest = query.get("mount");
  if (digest === null || !isDigest(digest)) return undefined;
  const source = query.get("from");
  if (source === null) return { digest, from: undefined };
  try {
    return { digest, from: parseImageName(source) };
  } catch (error) {
    if (isAppError(error, "NAME_INVALID")) return undefined;
    throw error;
  }
}
