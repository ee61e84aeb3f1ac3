/**
 * Parses DID documents of accounts (atproto specification, "DID").
 *
 * @module
 */

import {
  getPublicKeyFromDidController,
  P256PublicKey,
  Secp256k1PublicKey,
} from "@atcute/crypto";
import { isValidHandle, normalizeHandle } from "@atproto/syntax";
import { z } from "zod";
import type { Did } from "../did.ts";

/** The claims of a DID document; the handle is not verified yet. */
export interface DidClaims {
  readonly did: Did;
  /** The first `at://` name that is a handle, lower-cased; undefined when there is none. */
  readonly handle: string | undefined;
  /** Origin of the PDS. */
  readonly pds: string | undefined;
  /** The `#atproto` key as did:key. */
  readonly signingKey: string | undefined;
  /** Other services: fragment id (`#atcr_hold`) to origin. */
  readonly services: Readonly<Record<string, string>>;
}

/** Maximum entries read of one list; real documents have a handful. */
const MAX_ENTRIES = 64;

/** Maximum characters of a service's fragment; longer ones are ignored. */
const MAX_FRAGMENT = 128;

// Entries are validated one by one, so that a malformed entry does not
// invalidate the whole document.
const entries = z.array(z.unknown()).catch([]).transform((list) =>
  list.slice(0, MAX_ENTRIES)
);
const documentSchema = z.object({
  id: z.string(),
  alsoKnownAs: entries,
  verificationMethod: entries,
  service: entries,
});
const methodSchema = z.object({
  id: z.string(),
  type: z.string(),
  // Documents of did:web are written by hand and may leave it out.
  controller: z.string().optional(),
  publicKeyMultibase: z.string().max(256),
});
const serviceSchema = z.object({
  id: z.string().max(2048),
  type: z.union([z.string(), z.array(z.string())]),
  serviceEndpoint: z.string().max(2048),
});

/**
 * Reads the document of `did`; undefined when it is not a DID document or
 * belongs to another DID. Keys may be `Multikey` or the older
 * `EcdsaSecp256k1VerificationKey2019` and `EcdsaSecp256r1VerificationKey2019`.
 */
export async function readDidDocument(
  did: Did,
  document: unknown,
): Promise<DidClaims | undefined> {
  const parsed = documentSchema.safeParse(document);
  if (!parsed.success || parsed.data.id !== did) return undefined;
  const { alsoKnownAs, verificationMethod, service } = parsed.data;
  let pds: string | undefined;
  const services: Record<string, string> = {};
  for (const entry of service) {
    const found = serviceSchema.safeParse(entry);
    if (!found.success) continue;
    const { id, type, serviceEndpoint } = found.data;
    const origin = originOf(serviceEndpoint);
    const fragment = fragmentOf(did, id);
    if (origin === undefined || fragment === undefined) continue;
    if (fragment !== "#atproto_pds") services[fragment] ??= origin;
    else if ([type].flat().includes("AtprotoPersonalDataServer")) {
      pds ??= origin;
    }
  }
  return {
    did,
    handle: handleOf(alsoKnownAs),
    pds,
    signingKey: await signingKeyOf(did, verificationMethod),
    services,
  };
}

/** The first syntactically valid handle counts (DID specification, "Handles"). */
function handleOf(names: readonly unknown[]): string | undefined {
  for (const name of names) {
    if (typeof name !== "string" || !name.startsWith("at://")) continue;
    const handle = name.slice("at://".length);
    if (isValidHandle(handle)) return normalizeHandle(handle);
  }
  return undefined;
}

/** The first valid key counts that the account itself controls. */
async function signingKeyOf(
  did: Did,
  methods: readonly unknown[],
): Promise<string | undefined> {
  for (const entry of methods) {
    const found = methodSchema.safeParse(entry);
    if (!found.success || fragmentOf(did, found.data.id) !== "#atproto") {
      continue;
    }
    if ((found.data.controller ?? did) !== did) continue;
    try {
      const { type, publicKeyBytes } = getPublicKeyFromDidController(
        found.data,
      );
      const point = compressed(publicKeyBytes);
      const key = type === "p256"
        ? await P256PublicKey.importRaw(point)
        : await Secp256k1PublicKey.importRaw(point);
      return await key.exportPublicKey("did");
    } catch {
      // A key of an unknown type, or broken: a later one may be valid.
      continue;
    }
  }
  return undefined;
}

/**
 * The compressed form of a curve point (SEC 1, 2.3.3); the older key type holds
 * the uncompressed one.
 */
function compressed(point: Uint8Array): Uint8Array {
  if (point.length !== 65 || point[0] !== 4) return point;
  const short = point.slice(0, 33);
  short[0] = 2 + ((point[64] ?? 0) & 1);
  return short;
}

/** `#name` of an id that is relative or carries the DID; undefined for others. */
function fragmentOf(did: Did, id: string): string | undefined {
  const fragment = id.startsWith(did) ? id.slice(did.length) : id;
  return fragment.startsWith("#") && fragment.length <= MAX_FRAGMENT
    ? fragment
    : undefined;
}

function originOf(endpoint: string): string | undefined {
  const url = URL.parse(endpoint);
  if (!url || url.username !== "" || url.password !== "") return undefined;
  return url.protocol === "https:" || url.protocol === "http:"
    ? url.origin
    : undefined;
}
