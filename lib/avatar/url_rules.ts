/**
 * Restricts the variants that clients may request: allowed sizes and signed
 * URLs.
 *
 * @module
 */

import { createHmac, timingSafeEqual } from "node:crypto";
import { AppError } from "../errors.ts";
import { DEFAULT_QUALITY, type PictureQuery } from "./parameters.ts";

/** The relevant part of the options. */
export interface AccessRules {
  readonly allowedSizes: readonly number[];
  readonly signingKeys: readonly string[];
}

/**
 * Throws unless a request is allowed. Without signing keys `w` and `h` must be
 * among the allowed sizes, if there are any, and so must their products with
 * `dpr`. With signing keys a request needs a signature unless it has no size
 * and quality, or only allowed sizes.
 *
 * @param target path and query as received.
 *
 * Throws AppError `INVALID_REQUEST` for a size that is not allowed and `DENIED`
 * for a missing or wrong signature.
 */
export function assertAllowed(
  query: PictureQuery,
  target: URL,
  rules: AccessRules,
): void {
  const { allowedSizes, signingKeys } = rules;
  const { width, height, density, quality } = query.request;
  const sizes = [width, height].filter((size) => size !== undefined);
  const listed = sizes.every((size) =>
    allowedSizes.includes(size) && allowedSizes.includes(size * density)
  );
  if (signingKeys.length === 0) {
    if (allowedSizes.length === 0 || listed) return;
    throw new AppError(
      "INVALID_REQUEST",
      `w and h must each be one of ${allowedSizes.join(", ")}${
        density === 1 ? "" : ", and so must w and h times dpr"
      }.`,
    );
  }
  if (query.signature === undefined) {
    if (listed && quality === DEFAULT_QUALITY) return;
    throw new AppError(
      "DENIED",
      "This size needs a signature (s). Ask the operator of this service for a signed URL.",
    );
  }
  if (!isSigned(target, query.signature, signingKeys)) {
    throw new AppError(
      "DENIED",
      "The signature (s) does not fit this URL. Sign the path and the sorted query without s.",
    );
  }
}

/**
 * Signs a URL: HMAC-SHA256 in base64url of the path, `?`, and the query
 * without `s`, sorted by name.
 */
function sign(target: URL, key: string): string {
  const query = new URLSearchParams(target.search);
  query.delete("s");
  query.sort();
  return createHmac("sha256", key).update(`${target.pathname}?${query}`)
    .digest("base64url");
}

function isSigned(
  target: URL,
  signature: string,
  keys: readonly string[],
): boolean {
  const given = new TextEncoder().encode(signature);
  return keys.some((key) => {
    const right = new TextEncoder().encode(sign(target, key));
    return given.length === right.length && timingSafeEqual(given, right);
  });
}
