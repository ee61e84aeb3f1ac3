/**
 * Secrets that the server issues: random, stored as hashes.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";

/** `bytes` random bytes as base64url without padding; 32 of them are 43 characters. */
export function randomSecret(bytes = 32): string {
  return crypto.getRandomValues(new Uint8Array(bytes))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** A public id of 16 hex digits, not a secret. */
export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(8)).toHex();
}

/**
 * The stored form of a secret: its SHA-256 in hex. Sufficient for secrets of
 * 256 random bits, which cannot be brute-forced; not for passwords.
 */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Whether `secret` has the hash `hash`; compared in constant time. */
export function matchesHash(secret: string, hash: string): boolean {
  return equalText(hashSecret(secret), hash);
}

/** Compares two texts in a time that depends only on their lengths. */
export function equalText(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => new TextEncoder().encode(text));
  return left !== undefined && right !== undefined &&
    left.length === right.length && timingSafeEqual(left, right);
}
