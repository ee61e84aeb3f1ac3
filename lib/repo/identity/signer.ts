/**
 * Signatures of a repo.
 *
 * @module
 */

import { Secp256k1PrivateKeyExportable } from "@atcute/crypto";

/** Signs with the repo's key. */
export interface Signer {
  /** The public key as did:key. */
  readonly didKey: string;
  /** ECDSA over the SHA-256 of `bytes`, low S, 64 bytes (cryptography specification). */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** Creates a signer from the 32 bytes of a private key. */
export async function importSigningKey(
  privateKey: Uint8Array,
): Promise<Signer> {
  const pair = await Secp256k1PrivateKeyExportable.importRaw(privateKey);
  return {
    didKey: await pair.exportPublicKey("did"),
    sign: (bytes) => pair.sign(bytes),
  };
}
