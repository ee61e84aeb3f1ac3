/**
 * The secret key inside a backup, encrypted with a passphrase: scrypt and
 * AES-256-GCM.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  randomBytes,
  scrypt,
} from "node:crypto";
import { AppError } from "../errors.ts";
import type { SealedSecret } from "./manifest.ts";

/** 128 MiB and about half a second for each guess. */
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 256 * 1024 * 1024 };
const TAG_BYTES = 16;

/** Encrypts the secret key. */
export async function sealSecret(
  secret: Uint8Array,
  passphrase: string,
): Promise<SealedSecret> {
  const salt = randomBytes(16);
  const iv = randomBytes(12);
  const cipher = createCipheriv(
    "aes-256-gcm",
    await keyOf(passphrase, salt),
    iv,
  );
  const data = Buffer.concat([
    cipher.update(secret),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  const [saltText, ivText, dataText] = [salt, iv, data]
    .map((bytes) => bytes.toString("base64"));
  return {
    kdf: "scrypt",
    salt: saltText ?? "",
    iv: ivText ?? "",
    data: dataText ?? "",
  };
}

/** Decrypts it. Throws AppError `INVALID_REQUEST` for another passphrase. */
export async function openSecret(
  { salt, iv, data }: SealedSecret,
  passphrase: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = Buffer.from(data, "base64");
  const key = await keyOf(passphrase, Buffer.from(salt, "base64"));
  try {
    const decipher = createDecipheriv(
      "aes-256-gcm",
      key,
      Buffer.from(iv, "base64"),
      { authTagLength: TAG_BYTES },
    );
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return new Uint8Array(Buffer.concat([
      decipher.update(bytes.subarray(0, -TAG_BYTES)),
      decipher.final(),
    ]));
  } catch (cause) {
    throw new AppError(
      "INVALID_REQUEST",
      "The secret key in the backup cannot be decrypted: the passphrase is another one.",
      { cause },
    );
  }
}

function keyOf(passphrase: string, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    scrypt(
      passphrase.normalize("NFC"),
      salt,
      32,
      COST,
      (error, key) => error ? reject(error) : resolve(key),
    )
  );
}
