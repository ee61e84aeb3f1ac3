/**
 * A hold as a separate program, in the sandbox network.
 *
 * @module
 */

import { z } from "zod";
import type { Sandbox, SandboxAccount } from "../../sandbox/launch.ts";

/** Settings of a process that belongs to the network of `sandbox`. */
export function networkEnv(
  sandbox: Pick<Sandbox, "pds" | "plc">,
): Record<string, string> {
  return {
    ATCR_SERVER_TEST_MODE: "true",
    ATCR_SANDBOX_ENABLED: "false",
    ATCR_IDENTITY_PLC_URL: sandbox.plc,
    ATCR_IDENTITY_PLAIN_ORIGINS: sandbox.pds,
  };
}

/** Settings of a hold that `owner` is captain of. */
export function holdEnv(
  sandbox: Pick<Sandbox, "pds" | "plc">,
  owner: { readonly did: string },
): Record<string, string> {
  return {
    ...networkEnv(sandbox),
    ATCR_SERVER_ROLES: "hold",
    ATCR_HOLD_OWNER: owner.did,
  };
}

/** The did:web of a hold served at `origin`. */
export function holdDid(origin: string): string {
  return `did:web:${new URL(origin).host.replace(":", "%3A")}`;
}

const session = z.object({ accessJwt: z.string() });
const token = z.object({ token: z.string() });

/** A session of `account` at its PDS; gives service tokens. */
export async function signIn(
  sandbox: Pick<Sandbox, "pds">,
  account: Pick<SandboxAccount, "handle" | "password">,
): Promise<(aud: string, lxm: string) => Promise<string>> {
  const { handle: identifier, password } = account;
  const url = `${sandbox.pds}/xrpc/com.atproto.server.createSession`;
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ identifier, password }),
  });
  const { accessJwt } = session.parse(await answer.json());
  return async (aud, lxm) => {
    const query = new URLSearchParams({ aud, lxm });
    const response = await fetch(
      `${sandbox.pds}/xrpc/com.atproto.server.getServiceAuth?${query}`,
      { headers: { authorization: `Bearer ${accessJwt}` } },
    );
    return token.parse(await response.json()).token;
  };
}
