/**
 * Keys with which a confidential client authenticates to a PDS
 * (`private_key_jwt`, ES256). They rotate automatically: a new key is published
 * first, signs later, and stays published for as long as sessions may need it.
 *
 * @module
 */

import { exportJWK, generateKeyPair } from "jose";
import { z } from "zod";
import type { SealedValue, SecretBox } from "../../crypto/secret_box.ts";
import type { Clock } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Kv } from "../../kv/kv.ts";
import { clientKeysKey } from "../kv_keys.ts";
import { randomId } from "../secrets.ts";

const DAY_MS = 86_400_000;

/** Age at which a key is rotated. */
const ROTATE_AFTER_MS = 90 * DAY_MS;

/** How long a new key is published before it signs, because PDSes cache the list. */
const SIGNS_AFTER_MS = 3_600_000;

/** How long a key is published; no session lives longer. */
const KEEP_MS = 730 * DAY_MS;

const ATTEMPTS = 5;

const jwkSchema = z.object({
  kty: z.literal("EC"),
  crv: z.literal("P-256"),
  x: z.string(),
  y: z.string(),
  d: z.string(),
  kid: z.string(),
  alg: z.literal("ES256"),
});
const rowSchema = z.array(z.object({ jwk: jwkSchema, createdAt: z.number() }))
  .min(1);

/** A private key as JWK (RFC 7517). */
export type PrivateJwk = z.infer<typeof jwkSchema>;

/** A public key as JWK. */
export type PublicJwk = Omit<PrivateJwk, "d"> & { use: "sig" };

/** The current keys. */
export interface ClientKeySet {
  /** The first one signs. */
  readonly keys: readonly PrivateJwk[];
  readonly publicKeys: readonly PublicJwk[];
  /** Changes when the keys or the signing key change. */
  readonly version: string;
}

/** Creates, stores and rotates the keys. */
export class ClientKeys {
  readonly #deps: { kv: Kv; clock: Clock; box: SecretBox };

  constructor(deps: { kv: Kv; clock: Clock; box: SecretBox }) {
    this.#deps = deps;
  }

  /** Loads the keys; creates one when there is none or the newest is due for rotation. */
  async load(): Promise<ClientKeySet> {
    const { kv, clock, box } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await kv.get<SealedValue>(clientKeysKey);
      const known = entry
        ? rowSchema.parse(box.open(clientKeysKey, entry.value))
        : [];
      const now = clock.now();
      const kept = known.filter(({ createdAt }) => createdAt + KEEP_MS > now);
      const newest = Math.max(...kept.map(({ createdAt }) => createdAt));
      if (newest + ROTATE_AFTER_MS > now) {
        return keySet(kept, now);
      }
      const next = [...kept, { jwk: await makeKey(), createdAt: now }];
      const done = await kv.atomic()
        .check(clientKeysKey, entry?.versionstamp ?? null)
        .set(clientKeysKey, box.seal(clientKeysKey, next))
        .commit();
      if (done) return keySet(next, now);
    }
    throw new AppError(
      "UNAVAILABLE",
      "The keys of the sign-in are being made by another instance. Try again.",
      { retryAfterSeconds: 1 },
    );
  }
}

function keySet(rows: z.infer<typeof rowSchema>, now: number): ClientKeySet {
  const newestFirst = rows.toSorted((a, b) => b.createdAt - a.createdAt);
  const signer =
    newestFirst.find(({ createdAt }) => createdAt + SIGNS_AFTER_MS <= now) ??
      newestFirst.at(-1);
  const keys = newestFirst
    .toSorted((a, b) => Number(b === signer) - Number(a === signer))
    .map(({ jwk }) => jwk);
  return {
    keys,
    publicKeys: keys.map(({ d: _, ...jwk }) => ({ ...jwk, use: "sig" })),
    version: keys.map(({ kid }) => kid).join(" "),
  };
}

async function makeKey(): Promise<PrivateJwk> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const { kty, crv, x, y, d } = await exportJWK(privateKey);
  return jwkSchema.parse({
    ...{ kty, crv, x, y, d },
    kid: `atcr-${randomId()}`,
    alg: "ES256",
  });
}
