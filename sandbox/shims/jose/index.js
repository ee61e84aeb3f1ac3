/**
 * `jose` with `exportJWK` repaired for Deno: the export condition "deno"
 * selects jose's WebCrypto build, which rejects the KeyObjects of
 * `node:crypto` that the PDS hands over.
 *
 * @module
 */

import { exportJWK as exportWebCryptoJwk } from "jose-real";
import { KeyObject } from "node:crypto";

export * from "jose-real";

/** Gives the JWK of a KeyObject, a CryptoKey or a raw secret. */
export function exportJWK(key) {
  return key instanceof KeyObject
    ? Promise.resolve(key.export({ format: "jwk" }))
    : exportWebCryptoJwk(key);
}
