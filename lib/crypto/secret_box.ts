/**
 * Encryption of secrets in the key-value store, such as tokens and private
 * keys: AES-256-GCM with a key that exists only in the configuration.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
} from "node:crypto";
import { AppError } from "../errors.ts";
import type { Key } from "../kv/kv.ts";

/** An encrypted value as it is stored. */
export interface SealedValue {
  /** Version of this layout. */
  readonly v: 1;
  /** Identifies the key it was encrypted with, without revealing it. */
  readonly kid: string;
  readonly iv: Uint8Array;
  /** Ciphertext with the authentication tag at its end. */
  readonly data: Uint8Array;
}

const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** Encrypts with the first of its keys and decrypts with any of them. */
export class SecretBox {
  readonly #current: BoxKey;
  readonly #keys: ReadonlyMap<string, BoxKey>;

  /**
   * @param secret 32 bytes from the configuration.
   * @param former earlier secrets; what they encrypted stays readable.
   *
   * Throws a RangeError when a secret has another length.
   */
  constructor(secret: Uint8Array, former: readonly Uint8Array[] = []) {
    this.#current = new BoxKey(secret);
    const all = [this.#current, ...former.map((old) => new BoxKey(old))];
    this.#keys = new Map(all.map((key) => [key.kid, key]));
  }

  /** Names the secret without revealing it. */
  get keyId(): string {
    return this.#current.kid;
  }

  /**
   * Encrypts `value`, which must be plain JSON, for storage at `place`; it does
   * not decrypt at any other place.
   */
  seal(place: Key, value: unknown): SealedValue {
    const { kid, encryption } = this.#current;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv("aes-256-gcm", encryption, iv);
    cipher.setAAD(placeBytes(place));
    const text = Buffer.from(JSON.stringify(value), "utf8");
    const data = Buffer.concat([
      cipher.update(text),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return { v: 1, kid, iv: new Uint8Array(iv), data: new Uint8Array(data) };
  }

  /**
   * Decrypts a value that {@linkcode SecretBox.seal} encrypted for the same
   * place. The caller must validate it like any other input.
   *
   * Throws AppError `INTERNAL` when it was encrypted with an unknown key, was
   * altered or was made for another place.
   */
  open(place: Key, sealed: SealedValue): unknown {
    const key = this.#keys.get(sealed.kid);
    if (!key) {
      throw unreadable(
        place,
        "it was encrypted with another secret key; set the former secret_key again",
      );
    }
    try {
      const decipher = createDecipheriv(
        "aes-256-gcm",
        key.encryption,
        sealed.iv,
        { authTagLength: TAG_BYTES },
      );
      decipher.setAAD(placeBytes(place));
      decipher.setAuthTag(sealed.data.subarray(-TAG_BYTES));
      const text = Buffer.concat([
        decipher.update(sealed.data.subarray(0, -TAG_BYTES)),
        decipher.final(),
      ]);
      return JSON.parse(text.toString("utf8"));
    } catch (cause) {
      throw unreadable(place, "it was changed after it was written", cause);
    }
  }

  /**
   * Keyed hash of `parts` in base64url (32 bytes). `purpose` separates uses:
   * the same parts give unrelated hashes for two purposes.
   */
  mac(purpose: string, ...parts: string[]): string {
    const hmac = createHmac("sha256", this.#current.macKey(purpose));
    for (const part of parts) {
      // Prefix each part with its length so that different lists never encode the same.
      const bytes = Buffer.from(part, "utf8");
      hmac.update(`${bytes.length}:`).update(bytes);
    }
    return hmac.digest("base64url");
  }
}

/** A secret with the keys derived from it; the secret itself is not used to encrypt. */
class BoxKey {
  readonly kid: string;
  readonly encryption: Buffer;
  readonly #secret: Uint8Array;
  /** By purpose; the program has few. */
  readonly #macKeys = new Map<string, Buffer>();

  constructor(secret: Uint8Array) {
    if (secret.byteLength !== KEY_BYTES) {
      throw new RangeError(
        `The secret key has ${secret.byteLength} bytes; it must have ${KEY_BYTES}.`,
      );
    }
    this.#secret = new Uint8Array(secret);
    this.encryption = this.#derive("encryption");
    this.kid = createHash("sha256").update(this.#derive("key id"))
      .digest("base64url").slice(0, 11);
  }

  macKey(purpose: string): Buffer {
    const known = this.#macKeys.get(purpose);
    if (known) return known;
    const key = this.#derive(`mac ${purpose}`);
    this.#macKeys.set(purpose, key);
    return key;
  }

  #derive(purpose: string): Buffer {
    const none = new Uint8Array();
    return Buffer.from(
      hkdfSync("sha256", this.#secret, none, `atcr ${purpose}`, KEY_BYTES),
    );
  }
}

function placeBytes(place: Key): Uint8Array {
  const parts = place.map((part) =>
    part instanceof Uint8Array
      ? ["bytes", Buffer.from(part).toString("hex")]
      : [typeof part, String(part)]
  );
  return Buffer.from(JSON.stringify(parts), "utf8");
}

function unreadable(place: Key, why: string, cause?: unknown): AppError {
  return new AppError(
    "INTERNAL",
    `The stored secret of ${String(place[0])} cannot be read: ${why}.`,
    cause === undefined ? {} : { cause },
  );
}
