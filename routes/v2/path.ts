/**
 * The only parser of `/v2/…` URLs: converts path, method and query to an
 * {@linkcode Endpoint}. Names may contain any number of slashes, so the path is
 * parsed from its end (distribution-spec, "Endpoints").
 *
 * @module
 */

import { AppError, isAppError } from "../../lib/errors.ts";
import { parseDigest } from "../../lib/oci/digest.ts";
import { MAX_TAGS } from "../../lib/oci/manifest.ts";
import { parsePageRequest } from "../../lib/oci/lists.ts";
import {
  type ImageName,
  isTag,
  parseImageName,
  parseReference,
  type Reference,
} from "../../lib/oci/name.ts";
import { quote } from "../../lib/text.ts";
import type { Endpoint } from "./endpoint.ts";
import { parseMount, parseNewDigest } from "./upload_query.ts";

const UPLOAD_ID = /^[A-Za-z0-9_-]{1,1024}$/;

/** Maximum `artifactType` parameters of one request. */
const MAX_ARTIFACT_TYPES = 20;

/**
 * Parses a request line. `pathname` is percent-encoded, as in `URL`, and
 * decoded here exactly once, segment by segment: an encoded slash never becomes
 * a separator.
 *
 * Throws AppError: `NOT_FOUND` for a path of no endpoint; `UNSUPPORTED` with
 * `{method, allowed}` as detail for a wrong method; `NAME_INVALID`,
 * `DIGEST_INVALID`, `BLOB_UPLOAD_UNKNOWN` for a bad part; for a bad tag
 * `MANIFEST_UNKNOWN` when reading or deleting and `MANIFEST_INVALID` when
 * pushing; `INVALID_REQUEST` for bad paging; `TOO_LARGE` for more than
 * `MAX_TAGS` tags.
 */
export function parseV2Path(
  method: string,
  pathname: string,
  query: URLSearchParams,
): Endpoint {
  if (pathname === "/v2" || pathname === "/v2/") {
    return { kind: "base", method: allow(method, "GET", "HEAD") };
  }
  if (!pathname.startsWith("/v2/")) throw notFound(pathname);
  const segments = pathname.slice("/v2/".length).split("/").map(decodeSegment);
  const endpoint = parseFixed(method, segments, query) ??
    parseSession(method, segments, query) ??
    parseContent(method, segments, query);
  if (endpoint === undefined) throw notFound(pathname);
  return endpoint;
}

/** Endpoints whose last segments are fixed. */
function parseFixed(
  method: string,
  segments: readonly string[],
  query: URLSearchParams,
): Endpoint | undefined {
  if (segments.length === 1 && segments[0] === "_catalog") {
    return {
      kind: "catalog",
      method: allow(method, "GET", "HEAD"),
      page: parsePageRequest(query),
    };
  }
  if (endsWith(segments, "_oci", "ext", "discover")) {
    return {
      kind: "discover",
      method: allow(method, "GET", "HEAD"),
      name: segments.length === 3 ? undefined : nameBefore(segments, 3),
    };
  }
  if (endsWith(segments, "tags", "list")) {
    return {
      kind: "tags",
      method: allow(method, "GET", "HEAD"),
      name: nameBefore(segments, 2),
      page: parsePageRequest(query),
    };
  }
  if (endsWith(segments, "blobs", "uploads")) {
    return parseUploadStart(method, nameBefore(segments, 2), query);
  }
  if (endsWith(segments, "blobs", "uploads", "")) {
    return parseUploadStart(method, nameBefore(segments, 3), query);
  }
  return undefined;
}

function parseUploadStart(
  given: string,
  name: ImageName,
  query: URLSearchParams,
): Endpoint {
  const method = allow(given, "POST");
  return {
    kind: "upload_start",
    method,
    name,
    ...parseNewDigest(query),
    mount: parseMount(query),
  };
}

/** `…/blobs/uploads/ID`. */
function parseSession(
  given: string,
  segments: readonly string[],
  query: URLSearchParams,
): Endpoint | undefined {
  const id = segments.at(-1);
  if (
    id === undefined || !endsWith(segments.slice(0, -1), "blobs", "uploads")
  ) {
    return undefined;
  }
  const method = allow(given, "GET", "HEAD", "PATCH", "PUT", "DELETE");
  const name = nameBefore(segments, 3);
  if (!UPLOAD_ID.test(id)) {
    throw new AppError(
      "BLOB_UPLOAD_UNKNOWN",
      `There is no upload ${quote(id)}; start a new one.`,
    );
  }
  // Clients request the status with the query of a failed PUT.
  if (method !== "PUT") return { kind: "upload", method, name, id };
  const digest = query.get("digest");
  if (digest === null) {
    throw new AppError(
      "DIGEST_INVALID",
      "The upload cannot be closed without a digest; send it as ?digest=.",
    );
  }
  return { kind: "upload", method, name, id, digest: parseDigest(digest) };
}

/** Endpoints that end in a reference or digest. */
function parseContent(
  method: string,
  segments: readonly string[],
  query: URLSearchParams,
): Endpoint | undefined {
  const last = segments.at(-1) ?? "";
  switch (segments.at(-2)) {
    case "manifests":
      return parseManifestPath(method, nameBefore(segments, 2), last, query);
    case "blobs":
      return {
        kind: "blob",
        method: allow(method, "GET", "HEAD", "DELETE"),
        name: nameBefore(segments, 2),
        digest: parseDigest(last),
      };
    case "referrers":
      return {
        kind: "referrers",
        method: allow(method, "GET", "HEAD"),
        name: nameBefore(segments, 2),
        digest: parseDigest(last),
        artifactTypes: parseArtifactTypes(query),
        page: parsePageRequest(query),
      };
    default:
      return undefined;
  }
}

function parseManifestPath(
  given: string,
  name: ImageName,
  text: string,
  query: URLSearchParams,
): Endpoint {
  const method = allow(given, "GET", "HEAD", "PUT", "DELETE");
  if (method !== "PUT") {
    const reference = parseKnownReference(text);
    return { kind: "manifest", method, name, reference, tags: [] };
  }
  const reference = parseReference(text);
  return { kind: "manifest", method, name, reference, tags: parseTags(query) };
}

/** Tags to set besides the reference. Throws AppError `TOO_LARGE` and `MANIFEST_INVALID`. */
function parseTags(query: URLSearchParams): string[] {
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
function parseArtifactTypes(query: URLSearchParams): string[] {
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

/** An invalid tag cannot exist. */
function parseKnownReference(text: string): Reference {
  try {
    return parseReference(text);
  } catch (error) {
    if (!isAppError(error, "MANIFEST_INVALID")) throw error;
    throw new AppError("MANIFEST_UNKNOWN", error.message, { cause: error });
  }
}

/** Decodes one segment of a path. Throws AppError `NAME_INVALID`. */
function decodeSegment(segment: string): string {
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch (cause) {
    throw new AppError(
      "NAME_INVALID",
      `The percent-encoding of ${quote(segment)} is broken.`,
      { cause },
    );
  }
  if (/[/\\\p{Cc}]/u.test(text)) {
    throw new AppError(
      "NAME_INVALID",
      `${quote(text)} has characters that no name, tag or digest has.`,
    );
  }
  return text;
}

/** The name before the last `count` segments. */
function nameBefore(
  segments: readonly string[],
  count: number,
): ImageName {
  return parseImageName(segments.slice(0, -count).join("/"));
}

/** Whether the last segments are `ending`. */
function endsWith(
  segments: readonly string[],
  ...ending: readonly string[]
): boolean {
  const from = segments.length - ending.length;
  return from >= 0 && ending.every((text, at) => segments[from + at] === text);
}

/** Returns `method` if it is allowed. Throws AppError `UNSUPPORTED`. */
function allow<M extends string>(method: string, ...allowed: M[]): M {
  const found = allowed.find((one) => one === method);
  if (found !== undefined) return found;
  throw new AppError(
    "UNSUPPORTED",
    `${quote(method)} is not possible here; use ${allowed.join(", ")}.`,
    { detail: { method, allowed } },
  );
}

/** The error for a path of no endpoint. */
function notFound(pathname: string): AppError {
  return new AppError(
    "NOT_FOUND",
    `There is no endpoint ${quote(pathname)} in this registry.`,
  );
}
