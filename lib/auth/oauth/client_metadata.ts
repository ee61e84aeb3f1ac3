/**
 * OAuth client metadata of the registry (atproto OAuth specification,
 * "Clients"): a confidential client with a public document and a key where it
 * has an https address, a loopback client on a laptop.
 *
 * @module
 */

import { GRANULAR_SCOPE, TRANSITION_SCOPE } from "./scopes.ts";

/** Path of the redirect URI. */
export const CALLBACK_PATH = "/auth/oauth/callback";

/** Path of the client metadata; its URL is the client id. */
export const METADATA_PATH = "/oauth-client-metadata.json";

/** Path of the client's public keys. */
export const JWKS_PATH = "/oauth/jwks.json";

/** Settings that determine the metadata. */
export interface ClientSettings {
  /** Origin of the registry. */
  baseUrl: string;
  /** Name shown on the consent page. */
  name: string;
  /** Path or address of the logo on the consent page; that of the program by default. */
  logo?: string | undefined;
  /** Whether the broad transition scope may be requested as well. */
  allowTransition: boolean;
}

/** The kind of client that the address allows. */
export type ClientKind = "confidential" | "loopback";

/** The client's metadata as the PDS sees it. */
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

/**
 * Returns the kind of client that an origin allows; undefined for plain http on
 * hosts other than localhost.
 */
export function clientKind(baseUrl: string): ClientKind | undefined {
  const { protocol, hostname } = new URL(baseUrl);
  if (LOOPBACK.test(hostname)) return "loopback";
  return protocol === "https:" ? "confidential" : undefined;
}

/**
 * The origin that a browser must use for the pages: a loopback client receives
 * its redirect at 127.0.0.1 (RFC 8252, section 8.3), and cookies of localhost
 * are not sent there.
 */
export function pageOrigin(baseUrl: string): string {
  const url = new URL(baseUrl);
  if (clientKind(baseUrl) === "loopback") url.hostname = "127.0.0.1";
  return url.origin;
}

/** Builds the metadata. Throws a RangeError where {@linkcode clientKind} returns undefined. */
export function clientMetadata(settings: ClientSettings): ClientMetadata {
  const { baseUrl, name, logo, allowTransition } = settings;
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
    logo_uri: at(logo ?? "/static/icon.svg"),
    application_type: "web",
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: "ES256",
    jwks_uri: at(JWKS_PATH),
  };
}
