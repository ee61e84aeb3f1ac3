/** The OAuth client against a real PDS whose responses can be altered. */

import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import { DidResolver } from "../../lib/atproto/identity/did_resolver.ts";
import {
  createGuardedFetch,
  type FetchLimits,
  type GuardedFetch,
} from "../../lib/net/guarded_fetch.ts";
import { HandleResolver } from "../../lib/atproto/identity/handle_resolver.ts";
import { CachedIdentityResolver } from "../../lib/atproto/identity/identity_resolver.ts";
import { SecretBox } from "../../lib/crypto/secret_box.ts";
import { OAuth } from "../../lib/auth/oauth/oauth.ts";
import {
  GRANULAR_SCOPE,
  TRANSITION_SCOPE,
} from "../../lib/auth/oauth/scopes.ts";
import { StateStore } from "../../lib/auth/oauth/stores.ts";
import { systemClock as clock } from "../../lib/clock.ts";
import { AppError, type ErrorCode, isAppError } from "../../lib/errors.ts";
import { consent } from "../support/consent.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { ManualClock } from "../../lib/testing_clock.ts";
import { openKv } from "../../lib/kv/open_kv.ts";
import { silentLogger as log } from "../../lib/testing_log.ts";

/** Responds instead of the server, or passes the request on. */
type Intercept = (
  url: URL,
  form: URLSearchParams,
) => Response | undefined | Promise<Response | undefined>;

interface Rig extends AsyncDisposable {
  readonly oauth: OAuth;
  intercept: Intercept;
  /** Changes the responses that are passed on. */
  spoil: (url: URL, response: Response) => Response | Promise<Response>;
}

async function rig(
  sandbox: TestSandbox,
  allowTransition = false,
): Promise<Rig> {
  const kv = await openKv(":memory:", clock);
  const real = createGuardedFetch({
    userAgent: "test",
    allowedOrigins: [sandbox.pds, sandbox.plc],
  });
  const made: Pick<Rig, "intercept" | "spoil"> = {
    intercept: () => undefined,
    spoil: (_url, response) => response,
  };
  const fetch: GuardedFetch = Object.assign(
    async (
      input: string | URL | Request,
      init?: RequestInit & FetchLimits,
    ) => {
      const request = new Request(input, init);
      const url = new URL(request.url);
      const text = request.method === "POST"
        ? await request.clone().text()
        : "";
      const own = await made.intercept(url, new URLSearchParams(text));
      return own ?? await made.spoil(url, await real(request));
    },
    { close: () => real.close() },
  );
  const timeoutMs = 5000;
  const identities = new CachedIdentityResolver({
    kv,
    clock,
    log,
    ttlMs: 60_000,
    staleTtlMs: 600_000,
    negativeTtlMs: 1000,
    dids: new DidResolver({
      fetch: real,
      plcDirectories: [sandbox.plc],
      timeoutMs,
    }),
    handles: new HandleResolver({
      fetch: real,
      clock,
      timeoutMs,
      sandboxPds: sandbox.pds,
    }),
  });
  const oauth = new OAuth({
    kv,
    clock,
    log,
    fetch,
    identities,
    box: new SecretBox(new Uint8Array(32)),
    settings: {
      baseUrl: "http://localhost:5000",
      name: "ATCR",
      allowTransition,
    },
    plainOrigins: [sandbox.pds],
  });
  return Object.assign(made, {
    oauth,
    [Symbol.asyncDispose]: () => {
      real.close();
      kv.close();
      return Promise.resolve();
    },
  });
}

const begin = ({ oauth }: Rig) =>
  oauth.begin({ identifier: "alice.test", browser: "secret", returnTo: "/" });

const refusal = (error: string, error_description?: string) =>
  Response.json({ error, error_description }, { status: 400 });

function says(code: ErrorCode, words: RegExp) {
  return (error: unknown) => {
    assert.ok(isAppError(error, code), String(error));
    assert.match(error.message, words);
    return true;
  };
}

Deno.test("a server that misbehaves ends a sign-in with a sentence and leaves nothing behind", async (t) => {
  await using sandbox = await startTestSandbox();
  const alice = sandbox.alice.did as Did;

  /** A sign-in during which the token endpoint returns `response`. */
  const finishWith = async (response: () => Response) => {
    await using r = await rig(sandbox);
    const callback = await consent(await begin(r), sandbox.alice);
    r.intercept = (url) =>
      url.pathname === "/oauth/token" ? response() : undefined;
    try {
      return await r.oauth.finish(callback.searchParams, "secret");
    } finally {
      assert.equal(await r.oauth.restore(alice), undefined);
    }
  };

  await t.step("a PDS that cannot be reached", async () => {
    await using r = await rig(sandbox);
    r.intercept = () => {
      throw new AppError("UPSTREAM_FAILED", "The PDS cannot be reached.");
    };
    await assert.rejects(
      begin(r),
      says("UPSTREAM_FAILED", /cannot be reached/),
    );
  });
  await t.step("a PDS without OAuth", async () => {
    await using r = await rig(sandbox);
    r.intercept = (url) =>
      url.pathname.startsWith("/.well-known/")
        ? new Response("none", { status: 404 })
        : undefined;
    await assert.rejects(begin(r), says("UPSTREAM_FAILED", /app password/));
  });
  await t.step("scopes unknown to the PDS", async () => {
    await using r = await rig(sandbox);
    r.intercept = (url) =>
      url.pathname === "/oauth/par" ? refusal("invalid_scope") : undefined;
    await assert.rejects(begin(r), says("DENIED", /did not grant/));
  });
  await t.step("a wrong clock", async () => {
    await assert.rejects(
      finishWith(() => refusal("invalid_dpop_proof", "iat is in the future")),
      says("UPSTREAM_FAILED", /two clocks/),
    );
    await assert.rejects(
      finishWith(() => refusal("invalid_client", '"exp" claim timestamp')),
      says("UPSTREAM_FAILED", /two clocks/),
    );
  });
  await t.step("a code that was used elsewhere", async () => {
    await assert.rejects(
      finishWith(() => refusal("invalid_grant", "Code replayed")),
      says("INVALID_REQUEST", /Start again/),
    );
  });
  await t.step("an invalid response", async () => {
    await assert.rejects(
      finishWith(() => Response.json({ access_token: "x" })),
      says("UPSTREAM_FAILED", /Try again/),
    );
    await assert.rejects(finishWith(() => new Response("<h1>busy</h1>")));
  });
  await t.step("less than requested, and it is revoked", async () => {
    await using r = await rig(sandbox);
    const callback = await consent(await begin(r), sandbox.alice);
    const revoked: string[] = [];
    r.intercept = (url) => {
      if (url.pathname === "/oauth/revoke") revoked.push(url.pathname);
      return undefined;
    };
    r.spoil = async (url, response) => {
      if (url.pathname !== "/oauth/token" || !response.ok) return response;
      const body = await response.json();
      return Response.json({
        ...body,
        scope: GRANULAR_SCOPE.replace("collection=io.atcr.tag", "x=y"),
      }, { headers: response.headers });
    };
    await assert.rejects(
      r.oauth.finish(callback.searchParams, "secret"),
      says("DENIED", /write records io\.atcr\.tag/),
    );
    assert.deepEqual(revoked, ["/oauth/revoke"]);
    assert.equal(await r.oauth.restore(alice), undefined);
  });
});

Deno.test("if allowed, the broad scope is requested from a PDS without granular ones", async (t) => {
  await using sandbox = await startTestSandbox();
  const alice = sandbox.alice.did as Did;

  for (const error of ["invalid_scope", "invalid_client_metadata"]) {
    await t.step(`when it refuses at once with ${error}`, async () => {
      await using r = await rig(sandbox, true);
      const asked: (string | null)[] = [];
      r.intercept = (url, form) => {
        if (url.pathname !== "/oauth/par") return undefined;
        asked.push(form.get("scope"));
        return form.get("scope") === GRANULAR_SCOPE
          ? refusal(error)
          : undefined;
      };
      const callback = await consent(await begin(r), sandbox.alice);
      assert.ok(asked.includes(TRANSITION_SCOPE));
      const result = await r.oauth.finish(callback.searchParams, "secret");
      assert.equal(result.kind, "signed_in");
      assert.ok(await r.oauth.restore(alice));
    });
  }
  await t.step("when it grants too little", async () => {
    await using r = await rig(sandbox, true);
    const callback = await consent(await begin(r), sandbox.alice);
    r.spoil = async (url, response) => {
      if (url.pathname !== "/oauth/token" || !response.ok) return response;
      const body = await response.json();
      return Response.json({ ...body, scope: "atproto" }, {
        headers: response.headers,
      });
    };
    const result = await r.oauth.finish(callback.searchParams, "secret");
    assert.ok(result.kind === "again");
    r.spoil = (_url, response) => response;
    const second = await consent(result.url, sandbox.alice);
    const end = await r.oauth.finish(second.searchParams, "secret");
    assert.equal(end.kind, "signed_in");
  });
});

Deno.test("a session ended at the PDS requires a new sign-in", async () => {
  await using sandbox = await startTestSandbox();
  const alice = sandbox.alice.did as Did;
  await using r = await rig(sandbox);
  const callback = await consent(await begin(r), sandbox.alice);
  await r.oauth.finish(callback.searchParams, "secret");
  const session = await r.oauth.restore(alice);
  r.intercept = (url) => {
    if (url.pathname === "/oauth/token") return refusal("invalid_grant");
    return url.pathname.startsWith("/xrpc/")
      ? Response.json({ error: "invalid_token" }, {
        status: 401,
        headers: { "www-authenticate": 'DPoP error="invalid_token"' },
      })
      : undefined;
  };
  await assert.rejects(
    async () => await session?.uploadBlob(new Uint8Array([1]), "text/plain"),
    (e) => isAppError(e, "UNAUTHORIZED", "DENIED"),
  );
  r.intercept = () => undefined;
  assert.equal(await r.oauth.restore(alice), undefined);
});

Deno.test("a short outage of the PDS ends no session", async () => {
  await using sandbox = await startTestSandbox();
  const alice = sandbox.alice.did as Did;
  await using r = await rig(sandbox);
  const callback = await consent(await begin(r), sandbox.alice);
  await r.oauth.finish(callback.searchParams, "secret");
  const session = await r.oauth.restore(alice);
  r.intercept = () => {
    throw new AppError("UPSTREAM_FAILED", "The PDS cannot be reached.");
  };
  await assert.rejects(
    async () => await session?.uploadBlob(new Uint8Array([1]), "text/plain"),
    (e) => isAppError(e, "UPSTREAM_FAILED", "UNAVAILABLE"),
  );
  r.intercept = () => undefined;
  assert.ok(await session?.uploadBlob(new Uint8Array([1]), "text/plain"));
});

Deno.test("a server that cannot renew tokens at the moment ends no session", async (t) => {
  await using sandbox = await startTestSandbox();
  const alice = sandbox.alice.did as Did;
  await using r = await rig(sandbox);
  const callback = await consent(await begin(r), sandbox.alice);
  await r.oauth.finish(callback.searchParams, "secret");
  const session = await r.oauth.restore(alice);
  assert.ok(session);
  const upload = () => session.uploadBlob(new Uint8Array([1]), "text/plain");
  const limited = () =>
    Response.json({ error: "rate_limited" }, {
      status: 429,
      headers: { "retry-after": "40" },
    });
  const page = () => new Response("<html>", { status: 502 });
  const cases: [string, () => Response, ErrorCode][] = [
    [
      "500",
      () => Response.json({ error: "x" }, { status: 500 }),
      "UNAVAILABLE",
    ],
    ["a page with 502", page, "UNAVAILABLE"],
    ["429", limited, "TOOMANYREQUESTS"],
    ["invalid_client", () => refusal("invalid_client"), "UNAVAILABLE"],
    ["rubbish", () => Response.json({}), "UNAVAILABLE"],
  ];
  const stale = [
    () =>
      Response.json({ error: "invalid_token" }, {
        status: 401,
        headers: { "www-authenticate": 'DPoP error="invalid_token"' },
      }),
    () => Response.json({ error: "InvalidToken" }, { status: 400 }),
  ];
  for (const [what, answer, code] of cases) {
    await t.step(what, async () => {
      for (const answerOfPds of stale) {
        r.intercept = (url) => {
          if (url.pathname === "/oauth/token") return answer();
          return url.pathname.startsWith("/xrpc/") ? answerOfPds() : undefined;
        };
        await assert.rejects(upload, (error) => {
          assert.ok(isAppError(error, code), String(error));
          if (code === "TOOMANYREQUESTS") {
            assert.equal(error.retryAfterSeconds, 40);
          }
          return true;
        });
      }
      r.intercept = () => undefined;
      assert.ok(await upload());
    });
  }
  await t.step("a token that the PDS refuses is renewed, once", async () => {
    let refused = 0;
    r.intercept = (url) =>
      url.pathname.startsWith("/xrpc/") && refused++ === 0
        ? stale[1]?.()
        : undefined;
    assert.ok(await upload());
  });
});

Deno.test("a sign-in that takes longer than an hour must start again", async () => {
  const manual = new ManualClock();
  const kv = await openKv(":memory:", manual);
  const box = new SecretBox(new Uint8Array(32));
  const states = new StateStore({ kv, clock: manual, box });
  const state = "A".repeat(22);
  const value = {
    iss: "https://pds.example",
    dpopJwk: { kty: "EC", crv: "P-256", x: "x", y: "y" },
    authMethod: { method: "none" },
    verifier: "v",
    appState: "mine",
  } as unknown as Parameters<StateStore["set"]>[1];
  await states.set(state, value);
  manual.advance(3_599_000);
  assert.equal(await states.appState(state), "mine");
  manual.advance(2_000);
  assert.equal(await states.appState(state), undefined);
  assert.equal(await states.get(state), undefined);
  kv.close();
});
