/**
 * The documents by which the network finds a hold: its DID document and the
 * response for its handle (DID and handle specifications).
 *
 * @module
 */

import { isValidHandle } from "@atproto/syntax";
import type { Did } from "../../did.ts";

/** An additional service in a DID document. */
export interface DidService {
  /** Type of the service, for example `AtcrHoldService`. */
  readonly type: string;
  /** Origin of the service. */
  readonly endpoint: string;
}

/** Content of a DID document. */
export interface DidDocumentInput {
  readonly did: Did;
  /** Host name of the hold; included only when it is a valid handle. */
  readonly host: string;
  /** did:key of the signing key. */
  readonly signingKey: string;
  /** Origin of the PDS, which relays subscribe to. */
  readonly pds: string;
  /** Further services by fragment, for example `#atcr_hold`. */
  readonly services: Readonly<Record<string, DidService>>;
}

/** A DID document as JSON. */
export interface DidDocument {
  readonly "@context": readonly string[];
  readonly id: Did;
  readonly alsoKnownAs: readonly string[];
  readonly verificationMethod: readonly {
    readonly id: string;
    readonly type: "Multikey";
    readonly controller: Did;
    readonly publicKeyMultibase: string;
  }[];
  readonly service: readonly {
    readonly id: string;
    readonly type: string;
    readonly serviceEndpoint: string;
  }[];
}

/** Placeholder where a handle is required and there is no valid one. */
export const INVALID_HANDLE = "handle.invalid";

/**
 * The handle of the host `host`; {@linkcode INVALID_HANDLE} where it cannot be
 * one, such as `localhost:5000`.
 */
export function handleOfHost(host: string): string {
  return isValidHandle(host) ? host.toLowerCase() : INVALID_HANDLE;
}

/** The DID document, for `/.well-known/did.json` or the PLC directory. */
export function didDocument(input: DidDocumentInput): DidDocument {
  const { did, host, signingKey } = input;
  const services = {
    "#atproto_pds": { type: "AtprotoPersonalDataServer", endpoint: input.pds },
    ...input.services,
  };
  return {
    "@context": [
      "https://www.w3.org/ns/did/v1",
      "https://w3id.org/security/multikey/v1",
      "https://w3id.org/security/suites/secp256k1-2019/v1",
    ],
    id: did,
    alsoKnownAs: isValidHandle(host) ? [`at://${handleOfHost(host)}`] : [],
    verificationMethod: [{
      id: `${did}#atproto`,
      type: "Multikey",
      controller: did,
      publicKeyMultibase: signingKey.replace("did:key:", ""),
    }],
    service: Object.entries(services).map(([id, { type, endpoint }]) => ({
      id,
      type,
      serviceEndpoint: endpoint,
    })),
  };
}
