import {
  P256PrivateKeyExportable,
  type PrivateKey,
  Secp256k1PrivateKeyExportable,
} from "@atcute/crypto";
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Did } from "../did.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Identity } from "./identity/identity.ts";
import { ServiceAuthVerifier } from "./service_auth.ts";
import { ManualClock } from "../testing_clock.ts";
import { createServiceJwt } from "./testing_service_auth.ts";
import { openKv } from "../kv/open_kv.ts";

const alice: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
const lost: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const silent: Did = "did:web:silent.example";
const hold: Did = "did:web:localhost%3A5000";
const ONCE = "io.atcr.hold.notifyManifest";
const UPLOAD = "io.atcr.hold.uploadPart";

interface Rig {
  /** Verifies the bare token. */
  verifier: { verify(token: string, lxm: string): Promise<Did> };
  /** Verifies the whole header. */
  headers: ServiceAuthVerifier;
  clock: ManualClock;
  key: PrivateKey;
  /** Keys on the network; `cached` is returned until a fresh one is requested. */
  keys: { cached: string | undefined; current: string | undefined };
  asked: boolean[];
  token: (
    claims?: Record<string, unknown>,
    header?: Record<string, unknown>,
    key?: PrivateKey,
  ) => Promise<string>;
}

async function withVerifier(
  use: (rig: Rig) => Promise<void>,
  create: () => Promise<PrivateKey> = () =>
    Secp256k1PrivateKeyExportable.createKeypair(),
): Promise<void> {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const key = await create();
  const did = await key.exportPublicKey("did");
  const keys: Rig["keys"] = { cached: did, current: did };
  const asked: boolean[] = [];
  const verifier = new ServiceAuthVerifier({
    kv,
    clock,
    audience: hold,
    service: "#atcr_hold",
    identities: {
      resolve: (issuer, options) => {
        const fresh = options?.fresh ?? false;
        asked.push(fresh);
        if (issuer === silent || issuer === lost) {
          throw new AppError("UPSTREAM_FAILED", "The server did not answer.");
        }
        if (issuer !== alice) {
          throw new AppError("NAME_UNKNOWN", "There is no such account.");
        }
        const identity: Identity = {
          did: alice,
          handle: undefined,
          pds: undefined,
          signingKey: fresh ? keys.current : keys.cached,
          services: {},
        };
        return Promise.resolve(identity);
      },
    },
  });
  const token: Rig["token"] = async (claims = {}, header = {}, by = key) => {
    const iat = Math.floor(clock.now() / 1000);
    const body = {
      iss: alice,
      aud: hold,
      lxm: UPLOAD,
      iat,
      exp: iat + 60,
      jti: crypto.randomUUID(),
      ...claims,
    };
    const head = { typ: "JWT", alg: by.jwtAlg, ...header };
    const signed = `${part(head)}.${part(body)}`;
    const signature = await by.sign(new TextEncoder().encode(signed));
    return `${signed}.${base64url(signature)}`;
  };
  const bearer: Rig["verifier"] = {
    verify: (text, lxm) => verifier.verify(`Bearer ${text}`, lxm),
  };
  try {
    await use({
      verifier: bearer,
      headers: verifier,
      clock,
      key,
      keys,
      asked,
      token,
    });
  } finally {
    kv.close();
  }
}

const base64url = (bytes: Uint8Array) =>
  bytes.toBase64({ alphabet: "base64url", omitPadding: true });
const part = (value: unknown) =>
  base64url(new TextEncoder().encode(JSON.stringify(value)));

async function refuses(
  verifier: Rig["verifier"],
  token: string,
  why: RegExp,
  lxm = UPLOAD,
): Promise<void> {
  await assert.rejects(verifier.verify(token, lxm), (error) => {
    assert(isAppError(error, "UNAUTHORIZED"), String(error));
    assert.match(error.message, why);
    return true;
  });
}

Deno.test("a valid token identifies the caller", () =>
  withVerifier(async ({ verifier, token, asked }) => {
    assert.equal(await verifier.verify(await token(), UPLOAD), alice);
    assert.deepEqual(asked, [false]);
  }));

Deno.test("the token is sent as Bearer, and without one the error says how to get it", () =>
  withVerifier(async ({ headers, token }) => {
    const good = await token();
    assert.equal(await headers.verify(`bearer  ${good} `, UPLOAD), alice);
    for (const header of [undefined, "", good, `Basic ${good}`, "Bearer"]) {
      await assert.rejects(headers.verify(header, UPLOAD), (error) => {
        assert(isAppError(error, "UNAUTHORIZED"));
        assert.match(error.message, /getServiceAuth/);
        return true;
      });
    }
  }));

Deno.test("a P-256 key is accepted", () =>
  withVerifier(
    async ({ verifier, token }) => {
      await verifier.verify(await token(), UPLOAD);
    },
    () => P256PrivateKeyExportable.createKeypair(),
  ));

Deno.test("our own tokens are valid", () =>
  withVerifier(async ({ verifier, key, clock }) => {
    const now = clock.now();
    const mine = { key, iss: alice, aud: `${hold}#atcr_hold`, lxm: ONCE, now };
    await verifier.verify(await createServiceJwt(mine), ONCE);
  }));

Deno.test("the audience is the hold, with or without its fragment, in either spelling of its port", () =>
  withVerifier(async ({ verifier, token }) => {
    for (
      const aud of [hold, `${hold}#atcr_hold`, "did:web:localhost:5000"]
    ) await verifier.verify(await token({ aud }), UPLOAD);
    for (
      const aud of [
        "did:web:localhost",
        `${hold}#atproto_pds`,
        `${hold}#`,
        `${hold}#atcr_hold#x`,
        "did:web:evil.example",
        "",
      ]
    ) await refuses(verifier, await token({ aud }), /another service/);
  }));

Deno.test("a token is valid for its method only, and requires one", () =>
  withVerifier(async ({ verifier, token }) => {
    await refuses(verifier, await token({ lxm: ONCE }), /another method/);
    await refuses(verifier, await token({ lxm: "*" }), /another method/);
    await refuses(verifier, await token({ lxm: undefined }), /claims/);
  }));

Deno.test("issue and expiry times are both checked", () =>
  withVerifier(async ({ verifier, token, clock }) => {
    const now = Math.floor(clock.now() / 1000);
    await refuses(verifier, await token({ exp: now }), /expired/);
    await refuses(verifier, await token({ exp: now - 5 }), /expired/);
    await refuses(verifier, await token({ exp: now + 3_700 }), /longer/);
    await refuses(verifier, await token({ iat: now + 31 }), /future/);
    await refuses(verifier, await token({ nbf: now + 31 }), /future/);
    await refuses(
      verifier,
      await token({ iat: now + 20, exp: now + 10 }),
      /before it was made/,
    );
    await refuses(verifier, await token({ exp: undefined }), /claims/);
    await refuses(verifier, await token({ exp: "soon" }), /claims/);
    await verifier.verify(await token({ iat: now + 20 }), UPLOAD);
    await verifier.verify(await token({ iat: undefined }), UPLOAD);
    const late = await token();
    clock.advance(60_000);
    await refuses(verifier, late, /expired/);
  }));

Deno.test("a token for a single-use method is refused the second time", () =>
  withVerifier(async ({ verifier, token, clock }) => {
    const once = await token({ lxm: ONCE });
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, () => verifier.verify(once, ONCE)),
    );
    assert.equal(tries.filter((t) => t.status === "fulfilled").length, 1);
    clock.advance(59_000);
    await refuses(verifier, once, /used before/, ONCE);
    const without = await token({ lxm: ONCE, jti: undefined });
    await verifier.verify(without, ONCE);
    await refuses(verifier, without, /used before/, ONCE);
  }));

Deno.test("a token that failed is not marked as used", () =>
  withVerifier(async ({ verifier, token }) => {
    const once = await token({ lxm: ONCE });
    const forged = `${once.slice(0, once.lastIndexOf("."))}.${
      base64url(new Uint8Array(64).fill(1))
    }`;
    await refuses(verifier, forged, /not signed/, ONCE);
    await verifier.verify(once, ONCE);
  }));

Deno.test("a token for the parts of an upload may be used several times", () =>
  withVerifier(async ({ verifier, token }) => {
    const upload = await token();
    for (let i = 0; i < 3; i++) await verifier.verify(upload, UPLOAD);
  }));

Deno.test("a changed key is fetched again, once", () =>
  withVerifier(async ({ verifier, token, keys, asked }) => {
    const next = await Secp256k1PrivateKeyExportable.createKeypair();
    keys.current = await next.exportPublicKey("did");
    await verifier.verify(await token({}, {}, next), UPLOAD);
    assert.deepEqual(asked, [false, true]);
  }));

Deno.test("a signature with another key is refused", () =>
  withVerifier(async ({ verifier, token, asked }) => {
    const other = await Secp256k1PrivateKeyExportable.createKeypair();
    await refuses(verifier, await token({}, {}, other), /not signed/);
    assert.deepEqual(asked, [false, true]);
  }));

Deno.test("the algorithm must be the one of the account's key", () =>
  withVerifier(async ({ verifier, token }) => {
    const p256 = await P256PrivateKeyExportable.createKeypair();
    await refuses(verifier, await token({}, {}, p256), /not signed/);
    await refuses(verifier, await token({}, { alg: "ES256" }), /not signed/);
    for (const alg of ["none", "HS256", "RS256", "", 7]) {
      await refuses(verifier, await token({}, { alg }), /algorithm/);
    }
  }));

Deno.test("tokens of other kinds are refused", () =>
  withVerifier(async ({ verifier, token }) => {
    for (const typ of ["at+jwt", "refresh+jwt", "DPoP+jwt"]) {
      await refuses(verifier, await token({}, { typ }), /another kind/);
    }
    await refuses(verifier, await token({}, { crit: ["exp"] }), /header/);
  }));

Deno.test("an issuer that is not an account is refused", () =>
  withVerifier(async ({ verifier, token, keys }) => {
    await refuses(verifier, await token({ iss: "alice.test" }), /issuer/);
    await refuses(
      verifier,
      await token({ iss: `${alice}#atproto_labeler` }),
      /issuer/,
    );
    await refuses(
      verifier,
      await token({ iss: "did:web:nobody.example" }),
      /no account did:web:nobody/,
    );
    keys.cached = keys.current = undefined;
    await refuses(verifier, await token(), /not signed/);
  }));

Deno.test("an issuer whose own host has no document is refused, a failing directory is reported as such", () =>
  withVerifier(async ({ verifier, token }) => {
    await refuses(verifier, await token({ iss: silent }), /DID document/);
    await assert.rejects(
      verifier.verify(await token({ iss: lost }), UPLOAD),
      (error) => isAppError(error, "UPSTREAM_FAILED"),
    );
  }));

Deno.test("any malformed token is refused", () =>
  withVerifier(async ({ verifier, token }) => {
    const good = await token();
    const pieces = good.split(".");
    const strange = fc.oneof(
      fc.string(),
      fc.array(fc.oneof(fc.constantFrom("", ...pieces), fc.base64String()), {
        maxLength: 4,
      }).map((parts) => parts.join(".")).filter((text) => text !== good),
      fc.jsonValue().map((v) => `${pieces[0]}.${part(v)}.${pieces[2]}`),
    );
    await fc.assert(fc.asyncProperty(strange, async (text) => {
      await assert.rejects(
        verifier.verify(text, UPLOAD),
        (error) => isAppError(error, "UNAUTHORIZED"),
      );
    }));
    await refuses(verifier, "x".repeat(10_000_000), /not a JWT/);
  }));
