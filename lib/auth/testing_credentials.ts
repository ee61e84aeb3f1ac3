/**
 * A credential chain with a device, tokens and a made-up PDS, for tests.
 *
 * @module
 */

import type { Did } from "../did.ts";
import type {
  Identity,
  IdentityResolver,
} from "../atproto/identity/identity.ts";
import { AppError } from "../errors.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { CredentialChain } from "./credential_chain.ts";
import { Devices } from "./devices/devices.ts";
import { KnownPasswords } from "./known_passwords.ts";
import { RefreshTokens } from "./refresh_tokens.ts";
import { RegistryTokens } from "./registry_tokens.ts";
import { Revocations } from "./revocation.ts";
import { ManualClock } from "../testing_clock.ts";
import { openKv } from "../kv/open_kv.ts";
import { identityOf } from "../atproto/identity/testing_identity.ts";

/** An account with a device. */
export const ALICE: Did = "did:plc:alicealicealicealiceal22";
const HANDLES: Record<string, Did> = {
  "alice.test": ALICE,
  "bob.test": "did:plc:bobbobbobbobbobbobbobbo2",
};

/** PDSes of accounts, cached and current. */
export const pdses = {
  cached: "https://pds.example",
  current: "https://pds.example",
};

const identities: IdentityResolver = {
  resolve: (identifier, options) => {
    const did = HANDLES[identifier] ?? (identifier as Did);
    const known = Object.entries(HANDLES).find(([, value]) => value === did);
    if (!known) {
      return Promise.reject(
        new AppError("NAME_UNKNOWN", `There is no account ${identifier}.`),
      );
    }
    const identity: Identity = identityOf(did, {
      handle: known[0],
      pds: options?.fresh || options?.maxAgeMs !== undefined
        ? pdses.current
        : pdses.cached,
    });
    return Promise.resolve(identity);
  },
  forget: () => Promise.resolve(),
};

/** Everything that verifies credentials, over one store. */
export async function setUp() {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const devices = new Devices(kv, clock);
  const revocations = new Revocations({ kv, clock, devices });
  const service = "registry.example";
  const refreshTokens = new RefreshTokens({
    clock,
    key: new Uint8Array(32).fill(1),
    service,
  });
  const tried: string[] = [];
  const answers = new Map<string, () => Promise<unknown>>();
  const chain = new CredentialChain({
    devices,
    refreshTokens,
    revocations,
    identities,
    limits: new RateLimiter(kv, clock),
    known: new KnownPasswords({
      kv,
      clock,
      mac: (...parts) => `mac of ${JSON.stringify(parts)}`,
    }),
    passwords: {
      login: async ({ pds }, password) => {
        tried.push(password);
        // Makes parallel guesses overlap.
        await new Promise((resolve) => setTimeout(resolve, 5));
        const answer = answers.get(password);
        if (answer) return await answer();
        if (password === "right" && pds === pdses.current) return;
        return Promise.reject(new AppError("UNAUTHORIZED", "Wrong."));
      },
    },
  });
  const tokens = new RegistryTokens({
    clock,
    key: new Uint8Array(32).fill(1),
    service,
    ttlSeconds: 900,
    isRevoked: (claims) => revocations.isRevoked(claims),
  });
  const { device, secret } = await devices.create({
    did: ALICE,
    name: "laptop",
    kind: "device",
    permissions: [{ pattern: "app", actions: ["pull"] }],
    lifetimeDays: 30,
  });
  return {
    clock,
    kv,
    chain,
    devices,
    device,
    secret,
    tried,
    answers,
    tokens,
    refreshTokens,
    revocations,
    [Symbol.dispose]: () => kv.close(),
  };
}
