/**
 * Stores of the OAuth client, encrypted in KV: pending authorization requests
 * and the tokens of accounts. Both contain private keys.
 *
 * @module
 */

import type {
  NodeSavedSession,
  NodeSavedSessionStore,
  NodeSavedState,
  NodeSavedStateStore,
} from "@atproto/oauth-client-node";
import { z } from "zod";
import type { Did } from "../../did.ts";
import type { SealedValue, SecretBox } from "../../crypto/secret_box.ts";
import type { Clock } from "../../clock.ts";
import type { Kv } from "../../kv/kv.ts";
import { oauthSessionKey, oauthStateKey } from "../kv_keys.ts";
import { hashSecret } from "../secrets.ts";

/** How long a user may take at the PDS, in milliseconds. */
const STATE_MS = 3_600_000;

/** How long unused tokens are kept, in milliseconds. */
const SESSION_MS = 180 * 86_400_000;

const STATE = /^[A-Za-z0-9_-]{10,100}$/;

export interface StoreDeps {
  kv: Kv;
  clock: Clock;
  box: SecretBox;
}

/** Requests by `state`. Reading one deletes it: it is single-use. */
export class StateStore implements NodeSavedStateStore {
  readonly #deps: StoreDeps;

  constructor(deps: StoreDeps) {
    this.#deps = deps;
  }

  async get(state: string): Promise<NodeSavedState | undefined> {
    const { kv, box } = this.#deps;
    if (!STATE.test(state)) return undefined;
    const key = oauthStateKey(hashSecret(state));
    const row = await kv.get<SealedValue>(key);
    if (!row) return undefined;
    // Of two concurrent callbacks only one gets it.
    const mine = await kv.atomic().check(key, row.versionstamp).delete(key)
      .commit();
    return mine ? box.open(key, row.value) as NodeSavedState : undefined;
  }

  async set(state: string, value: NodeSavedState): Promise<void> {
    const { kv, clock, box } = this.#deps;
    const key = oauthStateKey(hashSecret(state));
    const expiresAt = clock.now() + STATE_MS;
    await kv.set(key, box.seal(key, value), { expiresAt });
  }

  async del(state: string): Promise<void> {
    await this.#deps.kv.delete(oauthStateKey(hashSecret(state)));
  }

  /** Our data of the request, which stays in the store. */
  async appState(state: string): Promise<string | undefined> {
    const { kv, box } = this.#deps;
    if (!STATE.test(state)) return undefined;
    const key = oauthStateKey(hashSecret(state));
    const row = await kv.get<SealedValue>(key);
    const value = row && box.open(key, row.value) as NodeSavedState;
    return value?.appState;
  }
}

const sessionSchema = z.looseObject({
  tokenSet: z.looseObject({ aud: z.url(), scope: z.string() }),
});

/** Tokens by DID: one session per account, shared by all its browsers and devices. */
export class SessionStore implements NodeSavedSessionStore {
  readonly #deps: StoreDeps;

  constructor(deps: StoreDeps) {
    this.#deps = deps;
  }

  async get(did: string): Promise<NodeSavedSession | undefined> {
    return await this.#read(did) as NodeSavedSession | undefined;
  }

  async set(did: string, value: NodeSavedSession): Promise<void> {
    const { kv, clock, box } = this.#deps;
    const key = oauthSessionKey(did as Did);
    const expiresAt = clock.now() + SESSION_MS;
    await kv.set(key, box.seal(key, value), { expiresAt });
  }

  async del(did: string): Promise<void> {
    await this.#deps.kv.delete(oauthSessionKey(did as Did));
  }

  /** PDS and granted scope of the account's session; undefined when there is none. */
  async summary(
    did: Did,
  ): Promise<{ pds: string; scope: string } | undefined> {
    const stored = sessionSchema.safeParse(await this.#read(did));
    if (!stored.success) return undefined;
    const { aud, scope } = stored.data.tokenSet;
    return { pds: new URL(aud).origin, scope };
  }

  async #read(did: string): Promise<unknown> {
    const { kv, box } = this.#deps;
    const key = oauthSessionKey(did as Did);
    const row = await kv.get<SealedValue>(key);
    return row && box.open(key, row.value);
  }
}
