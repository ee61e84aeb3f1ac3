/**
 * Encryption of what must not lie readable in the store: keys, sessions. The
 * installation's secret stays outside of it.
 *
 * @module
 */

/** Encrypts, authenticates and derives keys from one secret of 32 bytes. */
export class SecretBox {
  readonly #secret: CryptoKey;
  readonly #derived = new Map<string, Promise<CryptoKey>>();

  private constructor(secret: CryptoKey) {
    this.#secret = secret;
  }

  /** Makes a box from the installation's secret. Throws a RangeError unless it has 32 bytes. */
  static async open(secret: Uint8Array<ArrayBuffer>): Promise<SecretBox> {
    if (secret.byteLength !== 32) {
      throw new RangeError("The secret must have 32 bytes");
    }
    const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, [
      "deriveBits",
      "deriveKey",
    ]);
    return new SecretBox(key);
  }

  /**
   * Encrypts `plain` with AES-256-GCM. `purpose` says what it is, for example
   * the key path; only {@linkcode open} with the same purpose gets it back.
   */
  async seal(plain: Uint8Array, purpose: string): Promise<Uint8Array> {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const sealed = await crypto.subtle.encrypt(
      { name: "AES-GCM", iv, additionalData: encode(purpose) },
      await this.#encryptionKey(),
      new Uint8Array(plain),
    );
    const out = new Uint8Array(1 + IV_BYTES + sealed.byteLength);
    out[0] = VERSION;
    out.set(iv, 1);
    out.set(new Uint8Array(sealed), 1 + IV_BYTES);
    return out;
  }

  /** Decrypts. Throws when the bytes were changed, or sealed for another purpose or with another secret. */
  async open(sealed: Uint8Array, purpose: string): Promise<Uint8Array> {
    if (sealed[0] !== VERSION) {
      throw new Error(`Unknown format of an encrypted value: ${sealed[0]}`);
    }
    const plain = await crypto.subtle.decrypt(
      {
        name: "AES-GCM",
        iv: sealed.slice(1, 1 + IV_BYTES),
        additionalData: encode(purpose),
      },
      await this.#encryptionKey(),
      sealed.slice(1 + IV_BYTES),
    );
    return new Uint8Array(plain);
  }

  /** Encrypts a JSON value; see {@linkcode seal}. */
  sealJson(value: unknown, purpose: string): Promise<Uint8Array> {
    return this.seal(encode(JSON.stringify(value)), purpose);
  }

  /** Decrypts a JSON value; see {@linkcode open}. Check it with a schema. */
  async openJson(sealed: Uint8Array, purpose: string): Promise<unknown> {
    return JSON.parse(
      new TextDecoder().decode(await this.open(sealed, purpose)),
    );
  }

  /** 32 secret bytes for one purpose, for example a signing key of tokens. The same on every instance. */
  async derive(purpose: string): Promise<Uint8Array<ArrayBuffer>> {
    const bits = await crypto.subtle.deriveBits(
      hkdf(purpose),
      this.#secret,
      256,
    );
    return new Uint8Array(bits);
  }

  /** HMAC-SHA256 of `text` under a key for `purpose`, in hex: compares secrets without storing them. */
  async mac(text: string, purpose: string): Promise<string> {
    const key = await this.#once(
      `mac ${purpose}`,
      () =>
        crypto.subtle.deriveKey(
          hkdf(`mac ${purpose}`),
          this.#secret,
          { name: "HMAC", hash: "SHA-256", length: 256 },
          false,
          ["sign"],
        ),
    );
    const mac = await crypto.subtle.sign("HMAC", key, encode(text));
    return new Uint8Array(mac).toHex();
  }

  #encryptionKey(): Promise<CryptoKey> {
    return this.#once("encryption", () =>
      crypto.subtle.deriveKey(
        hkdf("encryption"),
        this.#secret,
        { name: "AES-GCM", length: 256 },
        false,
        ["encrypt", "decrypt"],
      ));
  }

  #once(name: string, make: () => Promise<CryptoKey>): Promise<CryptoKey> {
    const known = this.#derived.get(name);
    if (known) return known;
    const made = make();
    this.#derived.set(name, made);
    return made;
  }
}

const VERSION = 1;
const IV_BYTES = 12;

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function hkdf(purpose: string): HkdfParams {
  return {
    name: "HKDF",
    hash: "SHA-256",
    salt: encode("atcr"),
    info: encode(purpose),
  };
}
