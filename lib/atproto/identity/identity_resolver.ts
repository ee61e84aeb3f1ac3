/**
 * Resolves handles and DIDs with a two-level cache: a small one in this
 * process, and the key-value store that all instances share.
 *
 * @module
 */

import { isValidHandle, normalizeHandle } from "@atproto/syntax";
import { LRUCache } from "lru-cache";
import { type Did, parseDid } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { DidClaims } from "../did_document.ts";
import type { Identity, IdentityResolver, ResolveOptions } from "./identity.ts";
import { handleKey, identityKey } from "../kv_keys.ts";
import { ClaimedHandles } from "./claimed_handles.ts";
import {
  IdentityCache,
  type IdentityCacheDeps,
  type Question,
} from "./identity_cache.ts";

export interface IdentityResolverDeps extends IdentityCacheDeps {
  dids: { resolve(did: Did): Promise<DidClaims | undefined> };
  handles: { resolve(handle: string): Promise<Did | undefined> };
}

const byDid = (did: Did): Question => ({ name: did, key: identityKey(did) });
const byHandle = (handle: string): Question => ({
  name: handle,
  key: handleKey(handle),
});

/**
 * How long a handle that its account does not claim is refused without another
 * lookup, in milliseconds; bounds how often callers can make us query the
 * network.
 */
const REFUSED_MS = 1_000;

/** The {@linkcode IdentityResolver} of the product. */
export class CachedIdentityResolver implements IdentityResolver {
  readonly #deps: IdentityResolverDeps;
  readonly #cache: IdentityCache;
  readonly #claimed: ClaimedHandles;
  /** When handles were last refused that their accounts do not claim. */
  readonly #refused = new LRUCache<string, number>({ max: 5_000 });

  constructor(deps: IdentityResolverDeps) {
    this.#deps = deps;
    this.#cache = new IdentityCache(deps);
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
    const known = await this.#cache.stored<Identity>(byDid(did));
    const handle = known?.handle;
    await this.#cache.remove([
      byDid(did),
      ...handle === undefined ? [] : [byHandle(handle)],
    ]);
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
    // Image names stay valid after a change of the handle while it still resolves to this DID.
    if (await this.#claimed.has(did, handle)) return identity;
    if (await this.#changed(did, handle, options)) {
      return await this.#byDid(did, options);
    }
    throw new AppError(
      "NAME_UNKNOWN",
      `The handle ${handle} leads to ${did}, but that account does not go by this handle. Use its current handle or the DID.`,
      { detail: { handle, did } },
    );
  }

  /**
   * Resolves the account again, which may have been read before it took the
   * handle, and returns whether it has it now.
   */
  async #changed(
    did: Did,
    handle: string,
    { signal }: ResolveOptions,
  ): Promise<boolean> {
    const { clock } = this.#deps;
    const name = `${did} ${handle}`;
    const refusedAt = this.#refused.get(name) ?? -Infinity;
    if (Math.abs(clock.now() - refusedAt) < REFUSED_MS) return false;
    const now = { fresh: true, maxAgeMs: 0, signal };
    if ((await this.#byDid(did, now)).handle === handle) return true;
    this.#refused.set(name, clock.now());
    return false;
  }

  async #byDid(did: Did, options: ResolveOptions): Promise<Identity> {
    const identity = await this.#cache.get<Identity>(
      byDid(did),
      options,
      async (known) => {
        const claims = await this.#deps.dids.resolve(did);
        return claims ? await this.#verified(claims, known, options) : null;
      },
    );
    if (identity) return identity;
    throw new AppError(
      "NAME_UNKNOWN",
      `There is no account with the DID ${did}. Check the spelling.`,
      { detail: { did } },
    );
  }

  /** Returns the claims, with the handle only when it resolves back to the DID. */
  async #verified(
    claims: DidClaims,
    known: Identity | null,
    { maxAgeMs = Infinity }: ResolveOptions,
  ): Promise<Identity> {
    const { handle, did } = claims;
    const former = known?.handle;
    if (former !== undefined && former !== handle) {
      await this.#leaveFormer(did, former);
    }
    if (handle === undefined) return claims;
    try {
      const cached = await this.#didOf(handle, {});
      // The account may have acquired the handle since it was resolved.
      const back = cached === did
        ? did
        : await this.#didOf(handle, { fresh: true, maxAgeMs });
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

  /**
   * A former handle may belong to another account by now; while it belongs to
   * none, it still resolves to this one.
   */
  async #leaveFormer(did: Did, former: string): Promise<void> {
    try {
      const holder = await this.#deps.handles.resolve(former);
      if (holder === undefined || holder === did) return;
      await this.#cache.replace(byHandle(former), holder);
    } catch (error) {
      this.#deps.log.warn("former handle not asked for", {
        did,
        former,
        error,
      });
    }
  }

  #didOf(handle: string, options: ResolveOptions): Promise<Did | null> {
    return this.#cache.get<Did>(
      byHandle(handle),
      options,
      async () => await this.#deps.handles.resolve(handle) ?? null,
    );
  }
}
