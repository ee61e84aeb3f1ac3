/**
 * Stores session tokens, encrypted, and recently verified passwords, as keyed
 * hashes.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
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
    const key = sessionKey(did);
    const row = await this.#kv.get<SealedValue>(key);
    if (!row) return undefined;
    const tokens = tokensSchema.parse(this.#secrets.open(key, row.value));
    return { tokens, versionstamp: row.versionstamp };
  }

  /** Stores the tokens of a login and caches its password for `passwordMs`. */
  async begin(
    did: Did,
    tokens: SessionTokens,
    password: string,
    passwordMs: number,
  ): Promise<void> {
    const now = this.#clock.now();
    const key = sessionKey(did);
    await this.#kv.atomic()
      .set(key, this.#secrets.seal(key, tokens), { expiresAt: now + KEEP_MS })
      .set(this.#passwordKey(did, password), true, {
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

  /** Whether this password was recently verified. */
  async isVerified(did: Did, password: string): Promise<boolean> {
    return await this.#kv.get(this.#passwordKey(did, password)) !== undefined;
  }

  #passwordKey(did: Did, password: string) {
    return verifiedPasswordKey(did, this.passwordMac(did, password));
  }

  /** A key for account and password that reveals neither. */
  passwordMac(did: Did, password: string): string {
    return this.#secrets.mac("verified password", did, password);
  }
}
