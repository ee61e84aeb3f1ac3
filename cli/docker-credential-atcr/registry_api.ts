/**
 * The registry's API for devices.
 *
 * @module
 */

import { messageOf } from "./accounts.ts";
import { version } from "./build_info.ts";
import { Failure } from "./failure.ts";
import type { Machine } from "./machine.ts";

/** An approved device, as the registry answers. */
export interface Approved {
  readonly access_token: string;
  readonly did: string;
  readonly handle: string;
  readonly scope: string;
  /** Seconds. */
  readonly expires_in: number;
}

/** A request that waits for its approval. */
export interface Pending {
  readonly device_code: string;
  readonly user_code: string;
  readonly verification_uri: string;
  readonly verification_uri_complete: string;
  readonly expires_in: number;
  readonly interval: number;
}

/** What the registry says of a device. */
export interface DeviceState {
  readonly name: string;
  readonly scope: string;
  readonly expires_at: string;
}

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
  if (status === 200 && typeof body.device_code === "string") {
    return body as unknown as Pending;
  }
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
    if (status === 200) return body as unknown as Approved;
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
  return await response.json() as DeviceState;
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
  const text = await response.text();
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) {
      return { status: response.status, body: { ...body } };
    }
  } catch {
    // A page instead of an answer.
  }
  return { status: response.status, body: {} };
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
