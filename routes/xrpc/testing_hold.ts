/**
 * A hold with its XRPC methods, for tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import type { Did } from "../../lib/did.ts";
import { validateXrpcOutput } from "../../lib/atproto/lexicon/testing.ts";
import { AppError } from "../../lib/errors.ts";
import type { HoldSettings } from "../../lib/hold/bootstrap.ts";
import { ReadTickets } from "../../lib/hold/blobs/read_tickets.ts";
import { HOLD } from "../../lib/hold/testing.ts";
import {
  openServices,
  type ServiceOptions,
} from "../../lib/hold/testing_services.ts";
import { type AppEnv, surface } from "../middleware.ts";
import { createTestApp } from "../testing_app.ts";
import type { ServiceTokens } from "./callers.ts";
import { createBlobResponder } from "./com.atproto.sync/oci_blob.ts";
import { holdMethods } from "./methods.ts";
import { mountMethods } from "./mount.ts";

const ORIGIN = "https://hold.example.com";
/** A registry that the hold trusts. */
export const REGISTRY: Did = "did:web:registry.example.com";

/** Accepts `Bearer <did> <lxm>` as a signed token. */
const tokens: ServiceTokens = {
  verify(authorization, lxm) {
    const [, did, method] = authorization?.split(" ") ?? [];
    if (did?.startsWith("did:") && method === lxm) {
      return Promise.resolve(did as Did);
    }
    throw new AppError("UNAUTHORIZED", "Send a service token.");
  },
};

/** Status and JSON of a response; successful ones are validated against the lexicon. */
async function answerOf(lxm: string, response: Response) {
  const body = await response.json();
  const { status } = response;
  if (status === 200) {
    assert.deepEqual(validateXrpcOutput(lxm, body), { valid: true });
  } else assert.deepEqual(Object.keys(body), ["error", "message"]);
  return { status, body };
}

/** Opens a hold and its routes; `send`, `call` and `ask` make requests to them. */
export async function openServer(
  settings: Partial<HoldSettings> = {},
  options: ServiceOptions = {},
) {
  const hold = await openServices({
    ...options,
    settings: { allowAllCrew: false, ...settings },
  });
  const { kv, clock, access, blobs, uploaders } = hold;
  const app = createTestApp();
  const xrpc = new Hono<AppEnv>();
  const methods = holdMethods({
    ...hold,
    tokens,
    trustedRegistries: [REGISTRY],
  });
  mountMethods(xrpc, methods);
  app.use("/xrpc/*", surface("xrpc"));
  app.route("/xrpc", xrpc);
  const respond = createBlobResponder({
    tokens,
    access,
    blobs,
    uploaders,
    tickets: new ReadTickets({ kv, clock }),
    did: HOLD,
    baseUrl: ORIGIN,
  });
  app.get(
    "/xrpc/com.atproto.sync.getBlob",
    (c) => respond(c.req.raw, c.req.query("cid") ?? ""),
  );
  const send = (path: string, init: RequestInit = {}) =>
    Promise.resolve(app.request(`${ORIGIN}/xrpc/${path}`, init));
  /** Calls a procedure as `did` and returns status and JSON. */
  const call = async (did: Did | undefined, name: string, input: unknown) => {
    const lxm = `io.atcr.hold.${name}`;
    const response = await send(lxm, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(did ? { authorization: `Bearer ${did} ${lxm}` } : {}),
      },
      body: JSON.stringify(input),
    });
    return await answerOf(lxm, response);
  };
  /** Calls a query as `did` and returns status and JSON. */
  const ask = async (
    did: Did | undefined,
    name: string,
    query: Record<string, string> = {},
  ) => {
    const lxm = `io.atcr.hold.${name}`;
    const response = await send(`${lxm}?${new URLSearchParams(query)}`, {
      ...(did ? { headers: { authorization: `Bearer ${did} ${lxm}` } } : {}),
    });
    return await answerOf(lxm, response);
  };
  return {
    ...hold,
    methods,
    send,
    call,
    ask,
    [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose](),
  };
}
