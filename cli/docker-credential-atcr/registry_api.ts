/**
 * The registry's API for devices.
 *
 * @module
 */

import { messageOf } from "./accounts.ts";
import { version } from "./build_info.ts";
import { Failure } from "./failure.ts";
import type { Machine } from "./machine.ts";

/** What fields of an answer must be; numbers are positive. */
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

/** An approved device, as the registry answers; times in seconds. */
export type Approved = Fields<typeof APPROVED>;

/** A request that waits for its approval; times in seconds. */
export type Pending = Fields<typeof PENDING>;

/** What the registry says of a device. */
export type DeviceState = Fields<typeof STATE>;

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";
const LIMIT_MS = 15_000;

/** Asks for a device; throws {@linkcode Failure} when the registry refuses or is no registry of this kind. */
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
 * Waits until the person has answered in the browser, for as long as the
 * request lives. Throws {@linkcode Failure} when it was refused or has expired.
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
      // The network may be away for a moment.
      continue;
    }
    const { status, body } = answer;
    if (status === 200 && fits(APPROVED, body)) return body;
    if (body.error === "slow_down") pause += 5;
    else if (body.error !== "authorization_pending" && status < 500) {
      throw new Failure(describe(body) ?? "The login did not work.");
    }
  }
  throw new Failure("Nobody has approved the login in time. Start it again.");
}

/** What the registry knows of the device; undefined when it takes the secret no more. */
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
  throw new Failure(`${origin} does not answer as a registry does.`);
}

/** Revokes the device. False when the registry could not be told. */
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
    // One that is not known any more is as good as revoked.
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

/** The fields of a JSON object; none where the answer is something else. */
async function bodyOf(response: Response): Promise<Record<string, unknown>> {
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) return { ...body };
  } catch {
    // A page instead of an answer.
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

/** How the helper calls itself: people see it before they approve. */
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
