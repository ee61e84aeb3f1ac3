/**
 * Opens a session at a PDS with a password.
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import { accountPassword, inactive, loginError } from "./login_errors.ts";
import { type SessionTokens } from "./session_store.ts";
import type { PdsPace } from "./pds_pace.ts";
import { xrpc, xrpcJson } from "./xrpc.ts";

/** Response of `createSession` and `refreshSession`. */
export const sessionSchema = z.object({
  did: z.string(),
  accessJwt: z.string().min(1),
  refreshJwt: z.string().min(1),
  // Some PDSes write null for what is absent.
  active: z.boolean().nullish(),
  status: z.string().nullish().transform((status) => status ?? undefined),
});

/** Dependencies of {@linkcode createSession}. */
export interface LoginDeps {
  readonly fetch: GuardedFetch;
  readonly log: Logger;
  readonly pace: PdsPace;
  /** Whether a session with this access token may do more than is accepted. */
  readonly goesTooFar: (accessJwt: string) => boolean;
}

/** The account that signs in; `name` as the user typed it. */
export interface LoginAccount {
  readonly did: Did;
  readonly name: string;
  readonly pds: string;
}

/**
 * Opens a session at the account's PDS. Throws the AppErrors of
 * `login_errors.ts`, and `UPSTREAM_FAILED` for a session of another account.
 */
export async function createSession(
  deps: LoginDeps,
  { did, name, pds }: LoginAccount,
  password: string,
): Promise<SessionTokens> {
  const { host } = new URL(pds);
  const call = {
    origin: pds,
    nsid: "com.atproto.server.createSession",
    body: { json: { identifier: did, password } },
  };
  try {
    const session = await deps.pace.run(
      { key: `${pds} ${did} login`, nsid: call.nsid },
      () => xrpcJson(deps.fetch, call, sessionSchema),
    );
    if (session.did !== did) {
      throw new AppError(
        "UPSTREAM_FAILED",
        `The PDS at ${host} opened a session for ${
          session.did.slice(0, 100)
        } in place of ${did}.`,
      );
    }
    if (session.active === false) throw inactive(name, host, session.status);
    const { accessJwt, refreshJwt } = session;
    if (deps.goesTooFar(accessJwt)) {
      await endSession(deps, pds, refreshJwt);
      throw accountPassword(name);
    }
    return { pds, accessJwt, refreshJwt };
  } catch (error) {
    throw loginError(error, name, pds);
  }
}

/** Ends an unused session; if that fails, it expires. */
export async function endSession(
  { fetch, log }: Pick<LoginDeps, "fetch" | "log">,
  pds: string,
  refreshJwt: string,
): Promise<void> {
  const call = {
    origin: pds,
    nsid: "com.atproto.server.deleteSession",
    body: null,
    token: refreshJwt,
  };
  try {
    const answer = await xrpc(fetch, call);
    await answer.body?.cancel();
  } catch (error) {
    log.info("session not ended at its pds", { pds, error });
  }
}
