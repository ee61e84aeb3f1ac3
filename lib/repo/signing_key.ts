/**
 * The secp256k1 key that signs the repo: made on first start, kept encrypted.
 *
 * @module
 */

import { Secp256k1PrivateKeyExportable } from "@atcute/crypto";
import type { Kv } from "../kv/kv.ts";
import { signingKeyKey } from "./keys.ts";

/** Signs in the name of the repo. */
export interface Signer {
  /** The public key as did:key. */
  readonly didKey: string;
  /** ECDSA over the SHA-256 of `bytes`, low S, 64 bytes (cryptography specification). */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
}

/** Encrypts what lies in the store under a key that does not. */
export interface SecretBox {
  /** Encrypts and authenticates `plain`; `purpose` must be the same when opening. */
  seal(plain: Uint8Array, purpose: string): Promise<Uint8Array>;
  /** Throws when `sealed` was changed, or sealed under another key or purpose. */
  open(sealed: Uint8Array, purpose: string): Promise<Uint8Array>;
}

/**
 * The signing key called `name`, made when there is none. Instances that start
 * at the same moment agree on one key.
 */
export async function loadSigningKey(
  kv: Kv,
  box: SecretBox,
  name: string,
): Promise<Signer> {
  const key = signingKeyKey(name);
  const purpose = `repo signing key ${name}`;
  let stored = await kv.get<Uint8Array>(key);
  if (stored === undefined) {
    const pair = await Secp256k1PrivateKeyExportable.createKeypair();
    const sealed = await box.seal(await pair.exportPrivateKey("raw"), purpose);
    const first = await kv.atomic().check(key, null).set(key, sealed).commit();
    if (first) return signerOf(pair);
    stored = await kv.get<Uint8Array>(key);
  }
  if (stored === undefined) throw new Error("the signing key vanished");
  return await importSigningKey(await box.open(stored.value, purpose));
}

/** A signer from the 32 bytes of a private key. */
export async function importSigningKey(
  privateKey: Uint8Array,
): Promise<Signer> {
  return await signerOf(
    await Secp256k1PrivateKeyExportable.importRaw(privateKey),
  );
}

async function signerOf(
  pair: Awaited<ReturnType<typeof Secp256k1PrivateKeyExportable.createKeypair>>,
): Promise<Signer> {
  return {
    didKey: await pair.exportPublicKey("did"),
    sign: (bytes) => pair.sign(bytes),
  };
}
