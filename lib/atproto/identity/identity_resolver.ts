/**
 * Resolves handles and DIDs with a cache: in front a small one in this process,
 * behind it the key-value store that all instances share.
 *
 * @module
 */

import { isValidHandle, normalizeHandle } from "@atproto/syntax";
import { LRUCache } from "lru-cache";
import { type Did, parseDid } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import type { DidClaims } from "./did_document.ts";
import type { Identity, IdentityResolver, ResolveOptions } from "./identity.ts";
import { handleKey, identityKey } from "../kv_keys.ts";
import { ClaimedHandles } from "./claimed_handles.ts";
import { SingleFlight } from "../../async/single_flight.ts";

export interface IdentityResolverDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  dids: { resolve(did: Did): Promise<DidClaims | undefined> };
  handles: { resolve(handle: string): Promise<Did | undefined> };
  /** How long an answer is taken without asking again, in milliseconds. */
  ttlMs: number;
}

/** A cached answer. Stays readable long after `checkedAt`, for when the network fails. */
interface Row<T> {
  value: T | null;
  /** Milliseconds since the Unix epoch. */
  checkedAt: number;
}

/** A row as this process has read it. */
interface LocalRow {
  readonly row: Row<unknown>;
  readonly readAt: number;
  /** Set after a failed refresh: the row counts until then, whatever its age. */
  readonly retryAt?: number;
}

/** How long "there is none" is believed, in milliseconds. */
const NEGATIVE_TTL_MS = 60_000;

/** After a failed refresh the old answer is served for so long before the next try, in milliseconds. */
const RETRY_MS = 30_000;

/** A fresh answer may be so old, in milliseconds: nobody can make us ask without end. */
const FRESH_MS = 5_000;

/** What nobody refreshed for so long is dropped from the store, in milliseconds. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** How long this process goes without looking at the store again, in milliseconds. */
const LOCAL_MS = 30_000;

const LOCAL_ENTRIES = 5_000;

/** The {@linkcode IdentityResolver} of the product. */
export class CachedIdentityResolver implements IdentityResolver {
  readonly #deps: IdentityResolverDeps;
  readonly #local: LRUCache<string, LocalRow>;
  readonly #claimed: ClaimedHandles;
  readonly #flights = new SingleFlight();

  constructor(deps: IdentityResolverDeps) {
    this.#deps = deps;
    this.#local = new LRUCache({ max: LOCAL_ENTRIES });
    this.#claimed = new ClaimedHandles(deps.kv, deps.clock);
  }

  async resolve(
    identifier: string,
    options: ResolveOptions = {},
  ): Promise<Identity> {
    const did = parseDid(identifier);
    if (did) return await this.#byDid(did, options);
    if (!isValidHandle(identifier)) {
      throw new AppError(
        "NAME_INVALID",
        `"${
          identifier.slice(0, 300)
        }" is neither a handle such as alice.example.com nor a DID such as did:plc:… or did:web:….`,
      );
    }
    return await this.#byHandle(normalizeHandle(identifier), options);
  }

  async forget(did: Did): Promise<void> {
    const { kv } = this.#deps;
    const known = await kv.get<Row<Identity>>(identityKey(did));
    const change = kv.atomic().delete(identityKey(did));
    this.#local.delete(did);
    const handle = known?.value.value?.handle;
    if (handle !== undefined) {
      change.delete(handleKey(handle));
      this.#local.delete(handle);
    }
    await change.commit();
  }

  async #byHandle(
    handle: string,
    options: ResolveOptions,
  ): Promise<Identity> {
    const did = await this.#didOf(handle, options);
    if (did === null) {
      throw new AppError(
        "NAME_UNKNOWN",
        `There is no account with the handle ${handle}. Check the spelling.`,
        { detail: { handle } },
      );
    }
    const identity = await this.#byDid(did, options);
    if (identity.handle === handle) return identity;
    // Names of images outlive a change of the handle while it leads here.
    if (await this.#claimed.has(did, handle)) return identity;
    // The document may have been read before the account took this handle.
    const again = await this.#byDid(did, {
      fresh: true,
      signal: options.signal,
    });
    if (again.handle === handle) return again;
    throw new AppError(
      "NAME_UNKNOWN",
      `The handle ${handle} leads to ${did}, but that account does not go by this handle. Use its current handle or the DID.`,
      { detail: { handle, did } },
    );
  }

  async #byDid(did: Did, options: ResolveOptions): Promise<Identity> {
    const identity = await this.#cached<Identity>(
      did,
      identityKey(did),
      options,
      async (known) => {
        const claims = await this.#deps.dids.resolve(did);
        return claims ? await this.#verified(claims, known) : null;
      },
    );
    if (identity) return identity;
    throw new AppError(
      "NAME_UNKNOWN",
      `There is no account with the DID ${did}. Check the spelling.`,
      { detail: { did } },
    );
  }

  /** The claims with the handle only when it leads back to the DID. */
  async #verified(
    claims: DidClaims,
    known: Identity | null,
  ): Promise<Identity> {
    const { handle, did } = claims;
    const former = known?.handle;
    if (former !== undefined && former !== handle) {
      await this.#leaveFormer(did, former);
    }
    if (handle === undefined) return claims;
    try {
      const cached = await this.#didOf(handle, {});
      // The account may have taken the handle over since that was asked.
      const back = cached === did
        ? did
        : await this.#didOf(handle, { fresh: true });
      if (back !== did) return { ...claims, handle: undefined };
      await this.#claimed.note(did, handle);
      return claims;
    } catch (error) {
      this.#deps.log.warn("handle not verifiable", { did, handle, error });
      return {
        ...claims,
        handle: known?.handle === handle ? handle : undefined,
      };
    }
  }

  /** A handle that its account has left may be another account's by now; while it is nobody's, it goes on leading here. */
  async #leaveFormer(did: Did, former: string): Promise<void> {
    try {
      const holder = await this.#deps.handles.resolve(former);
      if (holder === undefined || holder === did) return;
      const row: Row<Did> = {
        value: holder,
        checkedAt: this.#deps.clock.now(),
      };
      this.#local.delete(former);
      await this.#deps.kv.set(handleKey(former), row, {
        expiresAt: row.checkedAt + KEEP_MS,
      });
    } catch (error) {
      this.#deps.log.warn("former handle not asked for", {
        did,
        former,
        error,
      });
    }
  }

  #didOf(handle: string, options: ResolveOptions): Promise<Did | null> {
    return this.#cached<Did>(
      handle,
      handleKey(handle),
      options,
      async () => await this.#deps.handles.resolve(handle) ?? null,
    );
  }

  /**
   * The answer from the caches while it is young enough, else from `ask`; an
   * older one when `ask` fails or takes too long, unless it has to be fresh.
   */
  async #cached<T>(
    name: string,
    key: ReturnType<typeof identityKey>,
    options: ResolveOptions,
    ask: (known: T | null) => Promise<T | null>,
  ): Promise<T | null> {
    const { kv, clock, log } = this.#deps;
    const { fresh = false } = options;
    const now = clock.now();
    const local = this.#local.get(name);
    if (!fresh && local && now < (local.retryAt ?? 0)) {
      return local.row.value as T | null;
    }
    // A time in the future, by a clock that was set back, counts no longer.
    const isYoung = (row: Row<unknown>) =>
      Math.abs(now - row.checkedAt) < this.#lifetime(row, options);
    const known = await this.#read<T>(name, key, fresh, isYoung);
    if (known && isYoung(known)) return known.value;
    // Not in the flight: others may ask who have nothing to be held up by.
    if (!known) await options.beforeAsking?.();
    // Not read before: the signal of a request is dear to make.
    const { signal, patienceMs } = options;
    const asked = this.#flights.run(`${fresh} ${name}`, signal, async () => {
      try {
        const value = await ask(known?.value ?? null);
        const checkedAt = clock.now();
        const row: Row<T> = { value, checkedAt };
        const keepMs = value === null ? NEGATIVE_TTL_MS : KEEP_MS;
        await kv.set(key, row, { expiresAt: checkedAt + keepMs });
        this.#local.set(name, { row, readAt: checkedAt });
        return value;
      } catch (error) {
        if (fresh || !known) throw error;
        log.warn("identity not refreshed", { name, error });
        const readAt = clock.now();
        const retryAt = readAt + RETRY_MS;
        this.#local.set(name, { row: known, readAt, retryAt });
        return known.value;
      }
    });
    const old = known?.value ?? null;
    return old === null || fresh || patienceMs === undefined
      ? await asked
      : await this.#soonOr(old, asked, patienceMs);
  }

  /** The new answer if it comes soon, else the old one. */
  async #soonOr<T>(
    old: T,
    asked: Promise<T | null>,
    patienceMs: number,
  ): Promise<T | null> {
    asked.catch(() => {}); // the old answer is told then
    const stop = new AbortController();
    const late = this.#deps.clock.sleep(patienceMs, stop.signal);
    try {
      return await Promise.race([asked, late.then(() => old)]);
    } finally {
      stop.abort();
    }
  }

  #lifetime(row: Row<unknown>, options: ResolveOptions): number {
    if (options.fresh) return FRESH_MS;
    const { ttlMs } = this.#deps;
    const usual = row.value === null ? NEGATIVE_TTL_MS : ttlMs;
    return Math.min(usual, options.maxAgeMs ?? Infinity);
  }

  async #read<T>(
    name: string,
    key: ReturnType<typeof identityKey>,
    fresh: boolean,
    isYoung: (row: Row<unknown>) => boolean,
  ): Promise<Row<T> | undefined> {
    const { kv, clock } = this.#deps;
    const local = this.#local.get(name);
    const recent = local && clock.now() - local.readAt < LOCAL_MS;
    // Another instance may have a newer one than what is too old here.
    if (recent && !fresh && isYoung(local.row)) return local.row as Row<T>;
    const stored = await kv.get<Row<T>>(key);
    if (!stored) return undefined;
    this.#local.set(name, { row: stored.value, readAt: clock.now() });
    return stored.value;
  }
}
