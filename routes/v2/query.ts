/**
 * Parses the query parameters of `/v2/…`.
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
import { MAX_TAGS } from "../../lib/oci/manifest.ts";
import { type ImageName, isTag, parseImageName } from "../../lib/oci/name.ts";
import { quote } from "../../lib/text.ts";

/** Maximum `artifactType` parameters of one request. */
const MAX_ARTIFACT_TYPES = 20;

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

/** Tags to set besides the reference. Throws AppError `TOO_LARGE` and `MANIFEST_INVALID`. */
export function parseTags(query: URLSearchParams): string[] {
  const tags = [...new Set(query.getAll("tag"))];
  if (tags.length > MAX_TAGS) {
    throw new AppError(
      "TOO_LARGE",
      `${tags.length} tags are too many for one request; ` +
        `send at most ${MAX_TAGS}.`,
    );
  }
  for (const tag of tags) {
    // parseReference would accept a digest too.
    if (!isTag(tag)) {
      throw new AppError("MANIFEST_INVALID", `${quote(tag)} is not a tag.`);
    }
  }
  return tags;
}

/** Types of artifacts to list; none means all. Throws AppError `INVALID_REQUEST`. */
export function parseArtifactTypes(query: URLSearchParams): string[] {
  // No media type has a space: it was a `+` that the client did not encode.
  const types = new Set(
    query.getAll("artifactType").map((type) => type.replaceAll(" ", "+")),
  );
  types.delete("");
  if (types.size > MAX_ARTIFACT_TYPES) {
    throw new AppError(
      "INVALID_REQUEST",
      `At most ${MAX_ARTIFACT_TYPES} artifact types can be asked for at once.`,
    );
  }
  return [...types];
}
