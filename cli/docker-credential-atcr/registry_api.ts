/**
 * The registry's API for devices.
 *
 * @module
 */

import { messageOf } from "./accounts.ts";
import { version } from "./build_info.ts";
import { Failure } from "./failure.ts";
import type { Machine } from "./machine.ts";

/** Types of response fields; numbers are positive. */
type Shape = Readonly<Record<string, "string" | "number">>;

type Fields<S extends Shape> = {
  readonly [Name in keyof S]: S[Name] extends "string" ? string : number;
};

const APPROVED = {
  access_token: "string",
  did: "string",
  handle: "string",
  expires_in: "number",
} as const;

const PENDING = {
  device_code: "string",
  user_code: "string",
  verification_uri_complete: "string",
  expires_in: "number",
  interval: "number",
} as const;

const STATE = {
  name: "string",
  scope: "string",
  expires_at: "string",
} as const;

/** An approved device in a response; times in seconds. */
export type Approved = Fields<typeof APPROVED>;

/** A pending request; times in seconds. */
export type Pending = Fields<typeof PENDING>;

/** State of a device at the registry. */
export type DeviceState = Fields<typeof STATE>;

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";
const LIMIT_MS = 15_000;

/**
 * Requests a device; throws {@linkcode Failure} when the registry refuses or
 * does not support it.
 */
export async function requestDevice(
  machine: Machine,
  origin: string,
  request: { name: string; scope: string },
): Promise<Pending> {
  const { status, body } = await post(machine, origin, "/auth/device/code", {
    client_name: request.name,
    scope: request.scope,
  });
  if (status === 200 && fits(PENDING, body)) return body;
  throw new Failure(
    describe(body) ??
      `${origin} does not let programs sign in (status ${status}). Is it an ATCR registry?`,
  );
}

/**
 * Waits until the user has decided in the browser or the request expires.
 * Throws {@linkcode Failure} when it was refused or has expired.
 */
export async function awaitApproval(
  machine: Machine,
  origin: string,
  pending: Pending,
): Promise<Approved> {
  const deadline = machine.now() + pending.expires_in * 1000;
  let pause = pending.interval;
  while (machine.now() < deadline) {
    await machine.sleep(pause * 1000);
    let answer;
    try {
      answer = await post(machine, origin, "/auth/device/token", {
        grant_type: GRANT_TYPE,
        device_code: pending.device_code,
      });
    } catch {
      // The network may be unavailable for a moment.
      continue;
    }
    const { status, body } = answer;
    if (status === 200 && fits(APPROVED, body)) return body;
    if (body.error === "slow_down") pause += 5;
    else if (body.error !== "authorization_pending" && status < 500) {
      throw new Failure(describe(body) ?? "The login did not work.");
    }
  }
  throw new Failure("The login was not approved in time. Start it again.");
}

/** Returns the state of the device; undefined when the secret is no longer valid. */
export async function deviceState(
  machine: Machine,
  origin: string,
  secret: string,
): Promise<DeviceState | undefined> {
  const response = await ask(machine, new URL("/api/devices/self", origin), {
    headers: { authorization: `Bearer ${secret}` },
  });
  if (response.status === 401) return undefined;
  if (!response.ok) throw unreachable(origin, `status ${response.status}`);
  const state = await bodyOf(response);
  if (fits(STATE, state)) return state;
  throw new Failure(`${origin} does not respond like a registry.`);
}

/** Revokes the device. Returns false when the registry could not be reached. */
export async function revokeDevice(
  machine: Machine,
  origin: string,
  secret: string,
  limitMs = LIMIT_MS,
): Promise<boolean> {
  try {
    const url = new URL("/api/devices/self", origin);
    const response = await machine.fetch(url, {
      method: "DELETE",
      headers: { authorization: `Bearer ${secret}` },
      signal: AbortSignal.timeout(limitMs),
    });
    await response.body?.cancel();
    // An unknown device counts as revoked.
    return response.ok || response.status === 401;
  } catch {
    return false;
  }
}

async function post(
  machine: Machine,
  origin: string,
  path: string,
  fields: Record<string, string>,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await ask(machine, new URL(path, origin), {
    method: "POST",
    body: new URLSearchParams(fields),
  });
  return { status: response.status, body: await bodyOf(response) };
}

/** The fields of a JSON object; empty for any other response. */
async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return { ...body };
  } catch {
    // A page instead of JSON.
  }
  return {};
}

function fits<S extends Shape>(
  shape: S,
  body: Record<string, unknown>,
): body is Record<string, unknown> & Fields<S> {
  return Object.entries(shape).every(([name, type]) => {
    const value = body[name];
    return typeof value === type && (typeof value !== "number" || value > 0);
  });
}

async function ask(
  machine: Machine,
  url: URL,
  init: RequestInit,
): Promise<Response> {
  try {
    return await machine.fetch(url, {
      ...init,
      headers: { ...init.headers, "user-agent": agentOf(machine) },
      redirect: "error",
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch (error) {
    throw unreachable(url.origin, messageOf(error));
  }
}

/** User-Agent of the helper, shown to the user before approval. */
function agentOf({ platform }: Machine): string {
  return `docker-credential-atcr/${version} (${platform})`;
}

function unreachable(origin: string, reason: string): Failure {
  return new Failure(`${origin} cannot be reached (${reason}).`);
}

function describe(body: Record<string, unknown>): string | undefined {
  const { error_description: text } = body;
  return typeof text === "string" ? text : undefined;
}
