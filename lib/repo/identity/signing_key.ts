/**
 * The secp256k1 key that signs the repo: created on first start, stored
 * encrypted.
 *
 * @module
 */

import { Secp256k1PrivateKeyExportable } from "@atcute/crypto";
import { z } from "zod";
import type { SealedValue } from "../../crypto/secret_box.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import { signingKeyKey } from "../kv_keys.ts";
import { importSigningKey, type Signer } from "./signer.ts";

/** Encrypts for one place of the store; implemented by `SecretBox` of `lib/crypto`. */
export interface KeyBox {
  /** Encrypts plain JSON for `place`. */
  seal(place: Key, value: unknown): SealedValue;
  /** Throws when `sealed` was altered, or encrypted with another secret or for another place. */
  open(place: Key, sealed: SealedValue): unknown;
}

/** Schema of the decrypted key. */
const SEALED_KEY = z.strictObject({
  secp256k1: z.string().regex(/^[0-9a-f]{64}$/),
});

/**
 * Loads the signing key `name`, or creates it when there is none. Instances
 * that start concurrently agree on one key. Throws the error of `box` when the
 * stored key cannot be decrypted.
 */
export async function loadSigningKey(
  kv: Kv,
  box: KeyBox,
  name: string,
): Promise<Signer> {
  const place = signingKeyKey(name);
  if (await kv.get(place) === undefined) {
    const pair = await Secp256k1PrivateKeyExportable.createKeypair();
    const secp256k1 = await pair.exportPrivateKey("rawHex");
    const sealed = box.seal(place, { secp256k1 });
    await kv.atomic().check(place, null).set(place, sealed).commit();
  }
  const stored = await kv.get<SealedValue>(place);
  if (stored === undefined) throw new Error("the signing key vanished");
  const { secp256k1 } = SEALED_KEY.parse(box.open(place, stored.value));
  return await importSigningKey(Uint8Array.fromHex(secp256k1));
}
