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
import { claimedKey, handleKey, identityKey } from "../kv_keys.ts";
import { SingleFlight } from "../../async/single_flight.ts";

/** What {@linkcode CachedIdentityResolver} needs. */
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

/** An account that went by a handle. */
interface ClaimedRow {
  did: Did;
}

/** How long "there is none" is believed, in milliseconds. */
const NEGATIVE_TTL_MS = 60_000;

/** After a failed refresh the old answer is served for so long before the next try, in milliseconds. */
const RETRY_MS = 30_000;

/** A fresh answer may be so old, in milliseconds: nobody can make us ask without end. */
const FRESH_MS = 5_000;

/** What nobody refreshed for so long is dropped from the store, in milliseconds. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** An account is known by its former handle for so long, in milliseconds. */
const FORMER_MS = 365 * 24 * 3_600_000;

/** How long this process goes without looking at the store again, in milliseconds. */
const LOCAL_MS = 30_000;

const LOCAL_ENTRIES = 5_000;

/** The {@linkcode IdentityResolver} of the product. */
export class CachedIdentityResolver implements IdentityResolver {
  readonly #deps: IdentityResolverDeps;
  readonly #local: LRUCache<string, { row: Row<unknown>; readAt: number }>;
  readonly #flights = new SingleFlight();

  constructor(deps: IdentityResolverDeps) {
    this.#deps = deps;
    this.#local = new LRUCache({ max: LOCAL_ENTRIES });
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
    if (await this.#hasClaimed(did, handle)) return identity;
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
    if (handle === undefined) return claims;
    try {
      const back = await this.#didOf(handle, {});
      if (back !== did) return { ...claims, handle: undefined };
      const row: ClaimedRow = { did };
      const expiresAt = this.#deps.clock.now() + FORMER_MS;
      await this.#deps.kv.set(claimedKey(handle), row, { expiresAt });
      return claims;
    } catch (error) {
      this.#deps.log.warn("handle not verifiable", { did, handle, error });
      return {
        ...claims,
        handle: known?.handle === handle ? handle : undefined,
      };
    }
  }

  /** Whether the account has gone by the handle, as far as this store has seen. */
  async #hasClaimed(did: Did, handle: string): Promise<boolean> {
    const row = await this.#deps.kv.get<ClaimedRow>(claimedKey(handle));
    return row?.value.did === did;
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
    const known = await this.#read<T>(name, key, fresh);
    const age = known ? clock.now() - known.checkedAt : Infinity;
    if (known && age < this.#lifetime(known, fresh)) return known.value;
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
        const checkedAt = clock.now() - this.#deps.ttlMs + RETRY_MS;
        const row: Row<T> = { value: known.value, checkedAt };
        this.#local.set(name, { row, readAt: clock.now() });
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

  #lifetime(row: Row<unknown>, fresh: boolean): number {
    if (fresh) return FRESH_MS;
    return row.value === null ? NEGATIVE_TTL_MS : this.#deps.ttlMs;
  }

  async #read<T>(
    name: string,
    key: ReturnType<typeof identityKey>,
    fresh: boolean,
  ): Promise<Row<T> | undefined> {
    const { kv, clock } = this.#deps;
    const local = this.#local.get(name);
    if (local && !fresh && clock.now() - local.readAt < LOCAL_MS) {
      return local.row as Row<T>;
    }
    const stored = await kv.get<Row<T>>(key);
    if (!stored) return undefined;
    this.#local.set(name, { row: stored.value, readAt: clock.now() });
    return stored.value;
  }
}
