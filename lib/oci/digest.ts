/**
 * Content digests as the OCI image specification defines them: an algorithm, a
 * colon and the hash in lower-case hex.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { AppError } from "../errors.ts";
import { quote } from "../text.ts";

/** Hash algorithms that this registry computes and accepts. */
export type DigestAlgorithm = "sha256" | "sha512";

/** A digest that {@linkcode parseDigest} has checked, for example `sha256:e3b0…`. */
export type Digest = `${DigestAlgorithm}:${string}`;

/** The two parts of a digest. */
export interface DigestParts {
  readonly algorithm: DigestAlgorithm;
  /** 64 (sha256) or 128 (sha512) lower-case hex digits. */
  readonly hex: string;
}

/** Hex digits of a hash, by algorithm. */
const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = {
  sha256: 64,
  sha512: 128,
};

const HEX = /^[0-9a-f]+$/;
const GRAMMAR = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/** Whether `text` names an algorithm of {@linkcode DigestAlgorithm}. */
export function isDigestAlgorithm(text: string): text is DigestAlgorithm {
  return text === "sha256" || text === "sha512";
}

/** Returns a sentence that says why `text` is not a digest, or undefined when it is valid. */
function defect(text: string): string | undefined {
  const colon = text.indexOf(":");
  if (colon < 0) {
    return `The digest ${quote(text)} has no algorithm; ` +
      "write it as sha256:<64 hex digits>.";
  }
  const algorithm = text.slice(0, colon);
  const hex = text.slice(colon + 1);
  if (isDigestAlgorithm(algorithm)) {
    const length = HEX_LENGTH[algorithm];
    if (hex.length === length && HEX.test(hex)) return undefined;
    return `The digest ${quote(text)} is malformed; ` +
      `${algorithm} needs exactly ${length} lower-case hex digits.`;
  }
  // Skip the match for long texts: no known digest is longer than sha512's.
  if (text.length <= 256 && GRAMMAR.test(text)) {
    return `The digest algorithm ${quote(algorithm)} is not supported; ` +
      "use sha256 or sha512.";
  }
  return `${quote(text)} is not a digest; write it as sha256:<64 hex digits>.`;
}

/**
 * Parses a digest (image-spec, "Digests"). Upper-case hex is refused, because
 * the specification allows one spelling only.
 *
 * Throws AppError `DIGEST_INVALID` when the text is malformed or its algorithm
 * is neither sha256 nor sha512.
 */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw new AppError("DIGEST_INVALID", defect(text) ?? "Not a digest.");
}

/** Whether `text` is a well-formed sha256 or sha512 digest. */
export function isDigest(text: string): text is Digest {
  return defect(text) === undefined;
}

/** Splits a digest into algorithm and hex. */
export function digestParts(digest: Digest): DigestParts {
  return digest.startsWith("sha512:")
    ? { algorithm: "sha512", hex: digest.slice(7) }
    : { algorithm: "sha256", hex: digest.slice(7) };
}

/** Computes the digest of bytes in memory. */
export function digestOf(
  bytes: Uint8Array,
  algorithm: DigestAlgorithm = "sha256",
): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}
