/**
 * Stores session tokens, encrypted, and recently verified passwords, as keyed
 * hashes.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import {
  sessionKey,
  verifiedPasswordKey,
  verifiedPasswordsKey,
} from "../kv_keys.ts";
import type { SealedValue, SecretBox } from "../../crypto/secret_box.ts";

const tokensSchema = z.object({
  pds: z.string(),
  accessJwt: z.string().min(1).max(20_000),
  refreshJwt: z.string().min(1).max(20_000),
});

/** A session at a PDS, as `com.atproto.server.createSession` returns it. */
export type SessionTokens = z.infer<typeof tokensSchema>;

/** Tokens with the versionstamp that a replacement must match. */
export interface StoredTokens {
  readonly tokens: SessionTokens;
  readonly versionstamp: string;
}

/** A session that is not refreshed for this long expires, in milliseconds. */
const KEEP_MS = 90 * 24 * 3_600_000;

/** Keeps one session per account. */
export class SessionStore {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #secrets: SecretBox;

  constructor(kv: Kv, clock: Clock, secrets: SecretBox) {
    this.#kv = kv;
    this.#clock = clock;
    this.#secrets = secrets;
  }

  /** Throws AppError `INTERNAL` when the stored tokens cannot be decrypted. */
  async read(did: Did): Promise<StoredTokens | undefined> {
    return this.#open(did, await this.#kv.get<SealedValue>(sessionKey(did)));
  }

  /**
   * Like {@linkcode read}, for a login; undefined unless its password was
   * recently verified.
   */
  async readVerified(
    did: Did,
    mac: string,
  ): Promise<StoredTokens | undefined> {
    const [session, isVerified] = await this.#kv.getMany<SealedValue>([
      sessionKey(did),
      verifiedPasswordKey(did, mac),
    ]);
    return isVerified && this.#open(did, session);
  }

  #open(
    did: Did,
    row: Entry<SealedValue> | undefined,
  ): StoredTokens | undefined {
    if (!row) return undefined;
    const { value, versionstamp } = row;
    const opened = this.#secrets.open(sessionKey(did), value);
    return { tokens: tokensSchema.parse(opened), versionstamp };
  }

  /** Stores the tokens of a login and caches the hash of its password for `passwordMs`. */
  async begin(
    did: Did,
    tokens: SessionTokens,
    mac: string,
    passwordMs: number,
  ): Promise<void> {
    const now = this.#clock.now();
    const key = sessionKey(did);
    await this.#kv.atomic()
      .set(key, this.#secrets.seal(key, tokens), { expiresAt: now + KEEP_MS })
      .set(verifiedPasswordKey(did, mac), true, {
        expiresAt: now + passwordMs,
      })
      .commit();
  }

  /** Replaces the tokens; returns false when they were replaced meanwhile. */
  async replace(
    did: Did,
    before: StoredTokens,
    tokens: SessionTokens,
  ): Promise<boolean> {
    const key = sessionKey(did);
    return await this.#kv.atomic()
      .check(key, before.versionstamp)
      .set(key, this.#secrets.seal(key, tokens), {
        expiresAt: this.#clock.now() + KEEP_MS,
      })
      .commit();
  }

  /** Deletes the session and all passwords of the account. */
  async drop(did: Did): Promise<void> {
    await this.#kv.delete(sessionKey(did));
    const passwords = this.#kv.list({ prefix: verifiedPasswordsKey(did) });
    for await (const { key } of passwords) await this.#kv.delete(key);
  }

  /** A key for account and password that reveals neither. */
  passwordMac(did: Did, password: string): string {
    return this.#secrets.mac("verified password", did, password);
  }
}
