/**
 * Browser sessions: an opaque cookie, stored as a hash, that expires when idle
 * or old, or is ended by the user.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { type Clock, isAhead, isWithin } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import { webSessionKey, webSessionOfKey, webSessionsOf } from "./kv_keys.ts";
import { hashSecret, randomId, randomSecret } from "./secrets.ts";

const DAY_MS = 86_400_000;

/** A session expires after this idle time. */
const IDLE_MS = 14 * DAY_MS;

/** Maximum lifetime of a session. */
export const ABSOLUTE_MS = 90 * DAY_MS;

/** Maximum sessions of one account; a further one ends the least recently used. */
const MAX_WEB_SESSIONS = 30;

/** Use within this time of the last one is not noted again. */
const USE_NOTED_MS = 5 * 60_000;

const COOKIE = /^[A-Za-z0-9_-]{43}$/;

/** The browser at sign-in. */
export interface BrowserInfo {
  /** Network address. */
  readonly address: string;
  /** `User-Agent`. */
  readonly agent: string;
}

/** A signed-in browser. */
export interface WebSession extends BrowserInfo {
  /** Public; can be used to end the session but not to authenticate. */
  readonly id: string;
  readonly did: Did;
  /** Milliseconds since the Unix epoch, as the time below. */
  readonly createdAt: number;
  /** To five minutes. */
  readonly lastUsedAt: number;
}

/** Creates, finds, lists and ends browser sessions. */
export class WebSessions {
  readonly #kv: Kv;
  readonly #clock: Clock;

  /** @param clock must be the clock of `kv`. */
  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Creates a session and returns its cookie, which cannot be read again. Ends
   * the browser's previous session, if any.
   */
  async create(
    did: Did,
    browser: BrowserInfo,
    former: string | undefined,
  ): Promise<string> {
    if (former !== undefined) await this.endByCookie(former);
    const cookie = randomSecret();
    const now = this.#clock.now();
    const session: WebSession = {
      id: randomId(),
      did,
      address: browser.address,
      agent: browser.agent.slice(0, 200),
      createdAt: now,
      lastUsedAt: now,
    };
    const hash = hashSecret(cookie);
    const expiresAt = now + ABSOLUTE_MS;
    await this.#kv.atomic()
      .set(webSessionKey(hash), session, { expiresAt: now + IDLE_MS })
      .set(webSessionOfKey(did, session.id), hash, { expiresAt })
      .commit();
    // Afterwards, so that concurrent sign-ins count each other.
    await this.#endTooMany(did, session.id);
    return cookie;
  }

  /**
   * Returns the session of a cookie and records its use; undefined when there
   * is none (any more).
   */
  async find(cookie: string): Promise<WebSession | undefined> {
    if (!COOKIE.test(cookie)) return undefined;
    const entry = await this.#kv.get<WebSession>(
      webSessionKey(hashSecret(cookie)),
    );
    const now = this.#clock.now();
    if (!entry || !isAlive(entry.value, now)) return undefined;
    const session = entry.value;
    if (isWithin(session.lastUsedAt, USE_NOTED_MS, now)) return session;
    const used: WebSession = { ...session, lastUsedAt: now };
    const expiresAt = Math.min(now + IDLE_MS, session.createdAt + ABSOLUTE_MS);
    // The check prevents a concurrent end of the session from being undone.
    await this.#kv.atomic().check(entry.key, entry.versionstamp)
      .set(entry.key, used, { expiresAt }).commit();
    return used;
  }

  /** Lists the sessions of an account, most recently used first. */
  async list(did: Did): Promise<WebSession[]> {
    const hashes: string[] = [];
    for await (const { value } of this.#kv.list<string>(webSessionsOf(did))) {
      hashes.push(value);
    }
    const entries = await this.#kv.getMany<WebSession>(
      hashes.map(webSessionKey),
    );
    const now = this.#clock.now();
    return entries
      .flatMap((entry) =>
        entry && isAlive(entry.value, now) ? [entry.value] : []
      )
      .sort((a, b) => b.lastUsedAt - a.lastUsedAt);
  }

  /** Ends the session `id` of `did`. Throws AppError `NOT_FOUND` when the account has none with this id. */
  async end(did: Did, id: string): Promise<void> {
    if (await this.#end(did, id)) return;
    throw new AppError("NOT_FOUND", "This session has ended already.");
  }

  async #end(did: Did, id: string): Promise<boolean> {
    const key = webSessionOfKey(did, id);
    const hash = (await this.#kv.get<string>(key))?.value;
    if (hash === undefined) return false;
    await this.#kv.atomic().delete(key).delete(webSessionKey(hash)).commit();
    return true;
  }

  /** Ends the session of a cookie and returns its account. */
  async endByCookie(cookie: string): Promise<Did | undefined> {
    if (!COOKIE.test(cookie)) return undefined;
    const key = webSessionKey(hashSecret(cookie));
    const session = (await this.#kv.get<WebSession>(key))?.value;
    if (!session) return undefined;
    await this.#kv.atomic().delete(key)
      .delete(webSessionOfKey(session.did, session.id)).commit();
    return session.did;
  }

  async #endTooMany(did: Did, newest: string): Promise<void> {
    const others = (await this.list(did)).filter(({ id }) => id !== newest);
    for (const { id } of others.slice(MAX_WEB_SESSIONS - 1)) {
      await this.#end(did, id);
    }
  }
}

/**
 * Whether the session may be used. One that was made by a fast clock may not;
 * where only its last use was recorded by one, the next use corrects that.
 */
function isAlive({ createdAt, lastUsedAt }: WebSession, now: number): boolean {
  const isIdle = !isAhead(lastUsedAt, now) && now >= lastUsedAt + IDLE_MS;
  return !isIdle && isWithin(createdAt, ABSOLUTE_MS, now);
}
