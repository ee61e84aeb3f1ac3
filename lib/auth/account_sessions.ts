/**
 * The session with which the registry acts at an account's PDS. It must belong
 * to the PDS in the DID document: a session at a PDS that the account has left
 * is not used.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { resolveAgain } from "../atproto/identity/resolve_again.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import type {
  BlobRef,
  PdsSession,
  RepoWrite,
  WriteBudget,
  WrittenRecord,
} from "../atproto/pds/pds.ts";
import { AppError, isAppError } from "../errors.ts";

export interface AccountSessionsDeps {
  identities: Pick<IdentityResolver, "resolve">;
  /** Sign-in methods, the preferred one first. */
  sources: readonly {
    restore(did: Did): Promise<PdsSession | undefined>;
  }[];
  /** Called after a PDS has accepted a write. */
  onWritten: (did: Did) => Promise<void>;
}

/** Age at which the DID document is read again before something is written, in milliseconds. */
const MAX_AGE_MS = 60_000;

/** How long a slow directory may delay a push, in milliseconds. */
const PATIENCE_MS = 2_000;

/** Reads the DID document again, at most once a second, after a PDS refused: the account may have moved. */
const AFTER_REFUSAL = { fresh: true, maxAgeMs: 1_000 } as const;

/** Errors that may mean that the account has moved. */
const MAY_HAVE_MOVED = [
  "DENIED",
  "UNAUTHORIZED",
  "UNAVAILABLE",
  "UPSTREAM_FAILED",
  "UPSTREAM_TIMEOUT",
] as const;

/** Finds accounts' sessions. */
export class AccountSessions {
  readonly #deps: AccountSessionsDeps;

  constructor(deps: AccountSessionsDeps) {
    this.#deps = deps;
  }

  /**
   * Returns a session of `did` at the PDS in its DID document, or undefined
   * when the account has to sign in (again). Throws AppError `UPSTREAM_FAILED`
   * or `UPSTREAM_TIMEOUT` when the DID is not cached and cannot be resolved.
   */
  async of(did: Did): Promise<PdsSession | undefined> {
    const { identities, sources } = this.#deps;
    const elsewhere: PdsSession[] = [];
    for (const source of sources) {
      const session = await source.restore(did);
      if (!session) continue;
      const { pds } = await identities.resolve(did, {
        maxAgeMs: MAX_AGE_MS,
        patienceMs: PATIENCE_MS,
      });
      if (session.pds === pds) return new MovingSession(session, this.#deps);
      elsewhere.push(session);
    }
    if (elsewhere.length === 0) return undefined;
    // The account may have signed in at its new PDS, on another instance.
    const now = await resolveAgain(identities, did, undefined, AFTER_REFUSAL);
    const session = elsewhere.find(({ pds }) => pds === now?.pds);
    return session && new MovingSession(session, this.#deps);
  }
}

/**
 * A session that continues at the new PDS after a move of the account where it
 * has signed in there, and explains the failure otherwise.
 */
class MovingSession implements PdsSession {
  #session: PdsSession;
  readonly #deps: AccountSessionsDeps;

  constructor(session: PdsSession, deps: AccountSessionsDeps) {
    this.#session = session;
    this.#deps = deps;
  }

  get did(): Did {
    return this.#session.did;
  }

  get pds(): string {
    return this.#session.pds;
  }

  get writeBudget(): WriteBudget | undefined {
    return this.#session.writeBudget;
  }

  applyWrites(
    writes: readonly RepoWrite[],
    signal?: AbortSignal,
  ): Promise<readonly (string | undefined)[]> {
    return this.#written(() => this.#session.applyWrites(writes, signal));
  }

  putRecord(
    collection: string,
    rkey: string,
    value: Record<string, unknown>,
    signal?: AbortSignal,
    swap?: string | null,
  ): Promise<WrittenRecord> {
    return this.#written(() =>
      this.#session.putRecord(collection, rkey, value, signal, swap)
    );
  }

  deleteRecord(
    collection: string,
    rkey: string,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#explained(() =>
      this.#session.deleteRecord(collection, rkey, signal)
    );
  }

  uploadBlob(
    bytes: Uint8Array,
    mimeType: string,
    signal?: AbortSignal,
  ): Promise<BlobRef> {
    return this.#explained(() =>
      this.#session.uploadBlob(bytes, mimeType, signal)
    );
  }

  serviceToken(
    aud: string,
    lxm: string,
    signal?: AbortSignal,
  ): Promise<string> {
    return this.#explained(() => this.#session.serviceToken(aud, lxm, signal));
  }

  async #written<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.#explained(work);
    await this.#deps.onWritten(this.did);
    return result;
  }

  async #explained<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isAppError(error, ...MAY_HAVE_MOVED)) throw error;
      const { identities } = this.#deps;
      const { did } = this;
      const now = await resolveAgain(identities, did, this, AFTER_REFUSAL);
      if (!now) throw error;
      if (await this.#continueAt(now.pds)) return await work();
      const host = now.pds === undefined ? "" : new URL(now.pds).host;
      throw new AppError(
        "UNAUTHORIZED",
        `Your account has moved to another PDS${
          host === "" ? "" : ` (${host})`
        } since you signed in. Sign in on the web page of this registry once, or run docker login with an app password of the new PDS.`,
        { cause: error },
      );
    }
  }

  /** Uses the session at another PDS from now on; false when there is none. */
  async #continueAt(pds: string | undefined): Promise<boolean> {
    for (const source of this.#deps.sources) {
      const session = await source.restore(this.did);
      if (!session || session.pds !== pds) continue;
      this.#session = session;
      return true;
    }
    return false;
  }
}
