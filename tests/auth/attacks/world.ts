/**
 * Shared by the attacks on authentication: the whole program with a real PDS,
 * and a browser in which alice is signed in.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Did } from "../../../lib/did.ts";
import type { AuthApp, TestBrowser } from "../../support/auth_app.ts";
import type { TestSandbox } from "../../support/sandbox.ts";

/** Shared state of the cases. */
export interface World {
  readonly sandbox: TestSandbox;
  readonly app: AuthApp;
  /** A browser in which alice is signed in. */
  readonly alice: TestBrowser;
  readonly did: Did;
  csrf(): Promise<string>;
  request(path: string, init?: RequestInit): Promise<Response>;
  form(path: string, fields: Record<string, string>): Promise<Response>;
  bearer(path: string, token: string, init?: RequestInit): Promise<Response>;
  /** A device of alice's. */
  device(scope?: string): Promise<{ id: string; secret: string }>;
  /** Requests a registry token; `scope` may contain several. */
  token(secret: string, scope?: string, user?: string): Promise<Response>;
  registryToken(secret: string, scope?: string): Promise<string>;
  startDevice(
    fields?: Record<string, string>,
  ): Promise<{ device_code: string; user_code: string; [k: string]: unknown }>;
  poll(
    deviceCode: string,
  ): Promise<{ status: number; error?: string; access_token?: string }>;
}

/** An attack, and its required result. */
export type Case = [name: string, run: (w: World) => Promise<void>];

/** A site of the attacker's. */
export const EVIL = "https://evil.example";

/** The scope of a push. */
export const PUSH = "repository:alice.test/app:pull,push";

/** Discards the body and returns the status. */
export async function statusOf(response: Response | Promise<Response>) {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

/** Signs alice in. */
export async function openWorld(
  sandbox: TestSandbox,
  app: AuthApp,
): Promise<World> {
  const alice = app.browser();
  await alice.signIn(sandbox.alice);
  const did = sandbox.alice.did as Did;
  const request = (path: string, init: RequestInit = {}) =>
    app.fetch(new Request(new URL(path, app.origin), init));
  const form = (path: string, fields: Record<string, string>) =>
    request(path, { method: "POST", body: new URLSearchParams(fields) });
  const token: World["token"] = (secret, scope = PUSH, user = "alice.test") =>
    request(`/auth/token?service=x&scope=${scope}`, {
      headers: {
        authorization: `Basic ${
          Buffer.from(`${user}:${secret}`).toString("base64")
        }`,
      },
    });
  return {
    sandbox,
    app,
    alice,
    did,
    request,
    form,
    token,
    csrf: () => alice.csrf(),
    bearer: (path, bearer, init = {}) =>
      request(path, {
        ...init,
        headers: { ...init.headers, authorization: `Bearer ${bearer}` },
      }),
    device: async (scope = "repository:*:pull,push") => {
      const response = await alice.send("/api/devices", {
        method: "POST",
        headers: {
          "sec-fetch-site": "same-origin",
          "x-csrf-token": await alice.csrf(),
        },
        body: JSON.stringify({ name: "test", scope, lifetime_days: 7 }),
      });
      assert.equal(response.status, 201);
      return await response.json();
    },
    registryToken: async (secret, scope) => {
      const response = await token(secret, scope);
      assert.equal(response.status, 200);
      return (await response.json()).token;
    },
    startDevice: async (fields = { client_name: "test" }) => {
      const response = await form("/auth/device/code", fields);
      assert.equal(response.status, 200);
      return await response.json();
    },
    poll: async (deviceCode) => {
      const response = await form("/auth/device/token", {
        grant_type: "urn:ietf:params:oauth:grant-type:device_code",
        device_code: deviceCode,
      });
      return { status: response.status, ...await response.json() };
    },
  };
}
