/**
 * Sign-in at the account's own PDS (atproto OAuth specification), and sessions
 * there.
 *
 * @module
 */

import { z } from "zod";
import { type Did, storedDidSchema } from "../../did.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type { IdentityResolver } from "../../atproto/identity/identity.ts";
import type { PdsSession } from "../../atproto/pds/pds.ts";
import { PdsPace } from "../../atproto/pds/pds_pace.ts";
import { XrpcPdsSession } from "../../atproto/pds/pds_session.ts";
import { ServiceTokenCache } from "../../atproto/pds/service_token_cache.ts";
import type { SecretBox } from "../../crypto/secret_box.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { withLease } from "../../kv/lease.ts";
import type { Logger } from "../../log.ts";
import { hashSecret, matchesHash } from "../secrets.ts";
import { ClientKeys, type PublicJwk } from "./client_keys.ts";
import {
  clientKind,
  type ClientMetadata,
  clientMetadata,
  type ClientSettings,
} from "./client_metadata.ts";
import type { Engine } from "./engine.ts";
import { ScopesRefused } from "./scopes_refused.ts";
import { signInTarget } from "./sign_in_target.ts";
import { SessionStore, StateStore } from "./stores.ts";

export interface OAuthDeps {
  kv: Kv;
  clock: Clock;
  log: Logger;
  box: SecretBox;
  fetch: GuardedFetch;
  identities: IdentityResolver;
  settings: ClientSettings;
  /** Origins that may be reached over plain http: the sandbox's. */
  plainOrigins: readonly string[];
}

/** A sign-in request. */
export interface SignInRequest {
  /** A handle, a DID or the address of a PDS, as typed by the user. */
  identifier: string;
  /** Secret of the browser, which must send it with the callback. */
  browser: string;
  /** Local path to redirect to afterwards. */
  returnTo: string;
}

/** Result of a sign-in. */
export type SignInResult =
  | { readonly kind: "signed_in"; readonly did: Did; readonly returnTo: string }
  /** Another account than requested signed in; its tokens are stored. */
  | {
    readonly kind: "other_account";
    readonly did: Did;
    readonly expected: Did;
  }
  /** The browser must be sent to the PDS again. */
  | { readonly kind: "again"; readonly url: URL };

const appStateSchema = z.object({
  browser: z.string(),
  returnTo: z.string(),
  input: z.string(),
  expected: storedDidSchema.optional(),
  scope: z.enum(["granular", "transition"]),
});
type AppState = z.infer<typeof appStateSchema>;

/** Time limit of a refresh, network included, in milliseconds. */
const LEASE_MS = 45_000;

/** How long the keys are cached, in milliseconds. */
const KEYS_KNOWN_MS = 60_000;

const STALE_ANSWER =
  "This sign-in was used before, or took longer than an hour. Start again.";

/** Signs users in and stores the tokens of their accounts. */
export class OAuth {
  readonly #deps: OAuthDeps;
  readonly #states: StateStore;
  readonly #sessions: SessionStore;
  readonly #keys: ClientKeys;
  readonly #serviceTokens = new ServiceTokenCache();
  readonly #pace: PdsPace;
  readonly #lines = new Semaphore(1);
  #engine: { engine: Promise<Engine>; version: string } | undefined;
  #keysCheckedAt = -Infinity;

  constructor(deps: OAuthDeps) {
    this.#deps = deps;
    this.#pace = new PdsPace(deps.clock);
    this.#states = new StateStore(deps);
    this.#sessions = new SessionStore(deps);
    this.#keys = new ClientKeys(deps);
  }

  /** Client metadata for PDSes. Throws AppError `UNAVAILABLE` where the address allows no OAuth. */
  metadata(): ClientMetadata {
    this.#requireClient();
    return clientMetadata(this.#deps.settings);
  }

  /** The public keys of the client; none for a loopback client. */
  async jwks(): Promise<{ keys: readonly PublicJwk[] }> {
    if (this.#requireClient() === "loopback") return { keys: [] };
    return { keys: (await this.#keys.load()).publicKeys };
  }

  /**
   * Returns the URL to send the browser to. Throws AppError with a sentence for
   * the user: an unknown account, a PDS that cannot be reached or does not
   * support OAuth.
   */
  async begin(request: SignInRequest): Promise<URL> {
    this.#requireClient();
    const { identifier } = request;
    const { input, expected } = await signInTarget(identifier, this.#deps);
    return await this.#send({
      browser: hashSecret(request.browser),
      returnTo: request.returnTo,
      input,
      ...(expected === undefined ? {} : { expected }),
      scope: "granular",
    });
  }

  /**
   * Handles the callback of a browser with the secret `browser`. Throws
   * AppError with a sentence for the user; nothing is stored then.
   */
  async finish(
    params: URLSearchParams,
    browser: string | undefined,
  ): Promise<SignInResult> {
    const begun = await this.#states.appState(params.get("state") ?? "");
    if (begun === undefined) {
      throw new AppError("INVALID_REQUEST", STALE_ANSWER);
    }
    const state = appStateSchema.parse(JSON.parse(begun));
    if (browser === undefined || !matchesHash(browser, state.browser)) {
      throw new AppError(
        "DENIED",
        "This sign-in was begun in another browser, or cookies are blocked. Start again here.",
      );
    }
    const engine = await this.#load();
    let did: Did;
    try {
      did = await engine.finish(params);
    } catch (error) {
      if (!this.#mayWiden(error, state)) throw error;
      const url = await this.#send({ ...state, scope: "transition" });
      return { kind: "again", url };
    }
    this.#deps.log.info("signed in", { did });
    const expected = state.expected as Did | undefined;
    return expected !== undefined && expected !== did
      ? { kind: "other_account", did, expected }
      : { kind: "signed_in", did, returnTo: state.returnTo };
  }

  /**
   * Returns the session of an account, or undefined when it has to sign in
   * (again) or consent to more.
   */
  async restore(did: Did): Promise<PdsSession | undefined> {
    const stored = await this.#sessions.summary(did);
    if (!stored) return undefined;
    const engine = await this.#load();
    if (!engine.isSufficient(stored.scope)) return undefined;
    return new XrpcPdsSession({
      did,
      pds: stored.pds,
      send: engine.sender(did, stored.pds),
      clock: this.#deps.clock,
      serviceTokens: this.#serviceTokens,
      pace: this.#pace,
    });
  }

  /** Ends the account's session here and at its PDS, if there is one. */
  async revoke(did: Did): Promise<void> {
    if (!await this.#sessions.summary(did)) return;
    try {
      await (await this.#load()).revoke(did);
      this.#deps.log.info("signed out", { did });
    } catch (error) {
      // The tokens are deleted here anyway and expire at the PDS.
      this.#deps.log.warn("sign-out not reported to the pds", { did, error });
      await this.#sessions.del(did);
    }
  }

  async #send(state: AppState): Promise<URL> {
    const engine = await this.#load();
    const { input, scope } = state;
    try {
      return await engine.begin(input, {
        appState: JSON.stringify(state),
        scope,
      });
    } catch (error) {
      if (!this.#mayWiden(error, state)) throw error;
      return await this.#send({ ...state, scope: "transition" });
    }
  }

  #mayWiden(error: unknown, state: AppState): boolean {
    return error instanceof ScopesRefused && state.scope === "granular" &&
      this.#deps.settings.allowTransition;
  }

  #requireClient() {
    const kind = clientKind(this.#deps.settings.baseUrl);
    if (kind) return kind;
    throw new AppError(
      "UNAVAILABLE",
      "Signing in on the web needs an https address (setting server.base_url), or one of the machine itself.",
    );
  }

  async #load(): Promise<Engine> {
    const { clock, kv, fetch, identities, plainOrigins } = this.#deps;
    const kind = this.#requireClient();
    const known = this.#engine;
    const checked = isWithin(this.#keysCheckedAt, KEYS_KNOWN_MS, clock.now());
    if (known && (checked || kind === "loopback")) return await known.engine;
    const { keys, version } = kind === "confidential"
      ? await this.#keys.load()
      : { keys: [], version: "" };
    this.#keysCheckedAt = clock.now();
    if (known?.version === version) return await known.engine;
    const engine = import("./engine.ts").then(({ Engine }) =>
      Engine.create({
        metadata: this.metadata(),
        keys,
        states: this.#states,
        sessions: this.#sessions,
        fetch,
        identities,
        allowHttp: plainOrigins.length > 0,
        // A refresh token is valid once, across all instances.
        lock: (name, work) =>
          this.#lines.run(name, undefined, () =>
            withLease(
              kv,
              clock,
              `oauth ${name}`,
              { ttlMs: LEASE_MS, waitMs: LEASE_MS },
              async () => await work(),
            )),
      })
    );
    this.#engine = { engine, version };
    try {
      return await engine;
    } catch (error) {
      this.#engine = undefined;
      throw error;
    }
  }
}
