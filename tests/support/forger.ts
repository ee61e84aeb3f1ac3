/**
 * An account whose key the test has, so that it can sign any service token,
 * valid or not.
 *
 * @module
 */

import type { Did } from "../../lib/did.ts";
import type { Sandbox } from "../../sandbox/launch.ts";
import {
  didOfGenesis,
  signOperation,
} from "../../lib/repo/identity/plc_operation.ts";
import { importSigningKey } from "../../lib/repo/identity/signer.ts";

/** Claims and header of a token; undefined removes one, anything else replaces it. */
export interface TokenChanges {
  readonly header?: Readonly<Record<string, unknown>>;
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** An account with its key. */
export interface Forger {
  readonly did: Did;
  /** A token for a method of `aud`, valid except for `changes`. */
  token(aud: string, lxm: string, changes?: TokenChanges): Promise<string>;
  /** Signs any text with the account's key. */
  sign(text: string): Promise<Uint8Array>;
}

/** Registers an account at the directory of `sandbox`, with its PDS. */
export async function createForger(
  sandbox: Pick<Sandbox, "pds" | "plc">,
): Promise<Forger> {
  const signer = await importSigningKey(
    crypto.getRandomValues(new Uint8Array(32)),
  );
  const genesis = await signOperation({
    type: "plc_operation",
    rotationKeys: [signer.didKey],
    verificationMethods: { atproto: signer.didKey },
    alsoKnownAs: [],
    services: {
      atproto_pds: {
        type: "AtprotoPersonalDataServer",
        endpoint: sandbox.pds,
      },
    },
    prev: null,
  }, signer);
  const did = didOfGenesis(genesis);
  const response = await fetch(`${sandbox.plc}/${did}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(genesis),
  });
  if (!response.ok) throw new Error(await response.text());
  await response.body?.cancel();
  const sign = (text: string) => signer.sign(new TextEncoder().encode(text));
  return {
    did,
    sign,
    token: async (aud, lxm, { header, claims } = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const head = { typ: "JWT", alg: "ES256K", ...header };
      const body = {
        iss: did,
        aud,
        lxm,
        iat: now,
        exp: now + 60,
        jti: crypto.randomUUID(),
        ...claims,
      };
      const text = `${encode(JSON.stringify(head))}.${
        encode(JSON.stringify(body))
      }`;
      return `${text}.${encode(await sign(text))}`;
    },
  };
}

/** Text or bytes as base64url. */
export function encode(value: string | Uint8Array): string {
  const bytes = typeof value === "string"
    ? new TextEncoder().encode(value)
    : value;
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
