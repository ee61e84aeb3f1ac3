/**
 * How the registry introduces itself to a PDS (atproto OAuth specification,
 * "Clients"): with a public document and a key where it has an https address,
 * as a loopback client on a laptop.
 *
 * @module
 */

import { GRANULAR_SCOPE, TRANSITION_SCOPE } from "./scopes.ts";

/** Where the answer of the PDS arrives. */
export const CALLBACK_PATH = "/auth/oauth/callback";

/** Where the client's document is; its address is the client's id. */
export const METADATA_PATH = "/oauth-client-metadata.json";

/** Where the client's public keys are. */
export const JWKS_PATH = "/oauth/jwks.json";

/** What decides about the metadata. */
export interface ClientSettings {
  /** Origin of the registry. */
  baseUrl: string;
  /** Name that people see when they are asked for consent. */
  name: string;
  /** Whether the wide transition scope may be asked for as well. */
  allowTransition: boolean;
}

/** Which kind of client the address allows. */
export type ClientKind = "confidential" | "loopback";

/** The client's metadata as the PDS sees them. */
export interface ClientMetadata {
  client_id: string;
  client_name?: string;
  client_uri?: `https://${string}`;
  logo_uri?: `https://${string}`;
  redirect_uris: [string];
  scope: string;
  grant_types: ["authorization_code", "refresh_token"];
  response_types: ["code"];
  application_type: "web" | "native";
  token_endpoint_auth_method: "private_key_jwt" | "none";
  token_endpoint_auth_signing_alg?: "ES256";
  jwks_uri?: `https://${string}`;
  dpop_bound_access_tokens: true;
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/;

/** The kind of client that an origin allows; undefined for plain http between machines. */
export function clientKind(baseUrl: string): ClientKind | undefined {
  const { protocol, hostname } = new URL(baseUrl);
  if (LOOPBACK.test(hostname)) return "loopback";
  return protocol === "https:" ? "confidential" : undefined;
}

/**
 * The origin under which a browser must use the pages: a loopback client gets
 * its answers at 127.0.0.1 (RFC 8252, section 8.3), and cookies do not cross
 * over from localhost.
 */
export function pageOrigin(baseUrl: string): string {
  const url = new URL(baseUrl);
  if (clientKind(baseUrl) === "loopback") url.hostname = "127.0.0.1";
  return url.origin;
}

/** The metadata. Throws a RangeError where {@linkcode clientKind} knows none. */
export function clientMetadata(settings: ClientSettings): ClientMetadata {
  const { baseUrl, name, allowTransition } = settings;
  const kind = clientKind(baseUrl);
  if (!kind) throw new RangeError(`${baseUrl} cannot be an OAuth client`);
  const redirect = `${pageOrigin(baseUrl)}${CALLBACK_PATH}`;
  const scope = allowTransition
    ? `${GRANULAR_SCOPE} ${TRANSITION_SCOPE.replace("atproto ", "")}`
    : GRANULAR_SCOPE;
  const common = {
    redirect_uris: [redirect] as [string],
    scope,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    dpop_bound_access_tokens: true,
  } satisfies Partial<ClientMetadata>;
  if (kind === "loopback") {
    const query = new URLSearchParams({ redirect_uri: redirect, scope });
    return {
      ...common,
      client_id: `http://localhost?${query}`,
      application_type: "native",
      token_endpoint_auth_method: "none",
    };
  }
  const at = (path: string) =>
    new URL(path, baseUrl).href as `https://${string}`;
  return {
    ...common,
    client_id: at(METADATA_PATH),
    client_name: name,
    client_uri: at("/"),
    logo_uri: at("/static/icon.svg"),
    application_type: "web",
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    jwks_uri: at(JWKS_PATH),
  };
}
