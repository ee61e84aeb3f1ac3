/**
 * Wraps the AT Protocol OAuth client with our stores, keys, identity resolver
 * and guarded fetch. Expensive to load, so it is imported on first use.
 *
 * @module
 */

import {
  JoseKey,
  NodeOAuthClient,
  type OAuthSession,
  type RuntimeLock,
} from "@atproto/oauth-client-node";
import type { Did } from "../../did.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type {
  AuthorizedSend,
  SessionCall,
} from "../../atproto/pds/pds_session.ts";
import { isStaleToken, xrpc } from "../../atproto/pds/xrpc.ts";
import type { PrivateJwk } from "./client_keys.ts";
import type { ClientMetadata } from "./client_metadata.ts";
import { missingPermissions } from "./missing_permissions.ts";
import { NonceRetry } from "./nonce_retry.ts";
import { GRANULAR_SCOPE, TRANSITION_SCOPE } from "./scopes.ts";
import { ScopesRefused } from "./scopes_refused.ts";
import { sessionError } from "./session_error.ts";
import { isInvalidScope, signInError } from "./sign_in_error.ts";
import type { SessionStore, StateStore } from "./stores.ts";

export interface EngineDeps {
  metadata: ClientMetadata;
  /** The first one signs; none for a loopback client. */
  keys: readonly PrivateJwk[];
  states: StateStore;
  sessions: SessionStore;
  fetch: GuardedFetch;
  identities: IdentityResolver;
  lock: RuntimeLock;
  /** Whether servers may be reached over plain http: with the sandbox only. */
  allowHttp: boolean;
}

/** An identity in the client's form. */
type IdentityInfo = Awaited<
  ReturnType<NodeOAuthClient["identityResolver"]["resolve"]>
>;

/** Placeholder for the handle of an account without one. */
const NO_HANDLE = "handle.invalid";

/** Timeout of a request, in milliseconds; a PDS may take long to commit a write. */
const TIMEOUT_MS = 30_000;

/** One client with its metadata and keys. */
export class Engine {
  readonly #client: NodeOAuthClient;
  readonly #nonces = new NonceRetry();

  private constructor(client: NodeOAuthClient) {
    this.#client = client;
  }

  /** Throws the client's error for metadata that a PDS would refuse. */
  static async create(deps: EngineDeps): Promise<Engine> {
    const { metadata, identities, fetch } = deps;
    const keyset = await Promise.all(
      deps.keys.map((jwk) => JoseKey.fromJWK(jwk)),
    );
    const client = new NodeOAuthClient({
      clientMetadata: metadata,
      ...(keyset.length > 0 ? { keyset } : {}),
      stateStore: deps.states,
      sessionStore: deps.sessions,
      requestLock: deps.lock,
      allowHttp: deps.allowHttp,
      fetch: (input, init) => fetch(input, { ...init, timeoutMs: TIMEOUT_MS }),
      // Unused, but without one the client creates its own, which needs Node.
      handleResolver: { resolve: () => Promise.resolve(null) },
      identityResolver: {
        resolve: (identifier, options) =>
          identityInfo(identities, identifier, options),
      },
    });
    return new Engine(client);
  }

  /**
   * Registers a request at the server of `input`, a DID, a handle or the
   * address of a PDS, and returns where to send the browser. Throws AppError.
   */
  async begin(
    input: string,
    options: { appState: string; scope: "granular" | "transition" },
  ): Promise<URL> {
    const scope = options.scope === "granular"
      ? GRANULAR_SCOPE
      : TRANSITION_SCOPE;
    try {
      return await this.#client.authorize(input, {
        state: options.appState,
        scope,
      });
    } catch (error) {
      if (isInvalidScope(error)) {
        throw new ScopesRefused(missingPermissions("atproto"), error);
      }
      throw signInError(error);
    }
  }

  /**
   * Handles the callback of a browser, stores the tokens and returns their
   * account. Throws AppError; {@linkcode ScopesRefused} when the tokens grant
   * too little, which are revoked then.
   */
  async finish(params: URLSearchParams): Promise<Did> {
    try {
      const { session } = await this.#client.callback(params);
      const { scope } = await session.getTokenInfo(false);
      const missing = missingPermissions(scope);
      if (missing.length > 0) {
        await session.signOut();
        throw new ScopesRefused(missing);
      }
      return session.did as Did;
    } catch (error) {
      throw signInError(error);
    }
  }

  /** Whether tokens with this scope grant everything required. */
  isSufficient(scope: string): boolean {
    return missingPermissions(scope).length === 0;
  }

  /** Sends with the tokens of `did`, refreshed when they have expired. */
  sender(did: Did, pds: string): AuthorizedSend {
    let session: OAuthSession | undefined;
    const fetch = async (
      input: string | URL | Request,
      init?: RequestInit,
    ) => {
      session ??= await this.#client.restore(did);
      return await session.fetchHandler(String(input), init);
    };
    const guarded = Object.assign(fetch, { close: () => {} });
    const send = (call: SessionCall) =>
      this.#nonces.run(did, () => xrpc(guarded, { ...call, origin: pds }));
    return async (call) => {
      try {
        return await send(call);
      } catch (error) {
        if (!isStaleToken(error)) throw sessionError(error);
      }
      try {
        // The client refreshes only after a 401 with a challenge, and keeps
        // the reason to itself where that fails.
        session = await this.#client.restore(did, true);
        return await send(call);
      } catch (error) {
        throw sessionError(error);
      }
    };
  }

  /** Revokes the session at the PDS, if it can be reached, and deletes it. */
  async revoke(did: Did): Promise<void> {
    await this.#client.revoke(did);
  }
}

/** The identity with a DID document that contains only the PDS. */
async function identityInfo(
  identities: IdentityResolver,
  identifier: string,
  options: { signal?: AbortSignal; noCache?: boolean } = {},
): Promise<IdentityInfo> {
  const { did, handle, pds } = await identities.resolve(identifier, {
    fresh: options.noCache ?? false,
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const service = pds === undefined ? [] : [{
    id: "#atproto_pds",
    type: "AtprotoPersonalDataServer",
    serviceEndpoint: pds,
  }];
  return {
    did: did as IdentityInfo["did"],
    handle: handle ?? NO_HANDLE,
    didDoc: {
      "@context": ["https://www.w3.org/ns/did/v1"],
      id: did as IdentityInfo["did"],
      alsoKnownAs: handle === undefined ? [] : [`at://${handle}`],
      service,
    } as IdentityInfo["didDoc"],
  };
}
