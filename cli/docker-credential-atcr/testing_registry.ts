/**
 * A registry that approves logins, for tests of the credential helper.
 *
 * @module
 */

import { runHelper } from "./commands.ts";
import type { TestMachine } from "./testing.ts";

/** The registry of the tests. */
export const HOST = "registry.example.com";

/** A registry that approves the third poll. */
export function approving(machine: TestMachine, handle = "alice.test") {
  const revoked: string[] = [];
  let polls = 0;
  machine.respond = (url, init) => {
    const bearer = new Headers(init.headers).get("authorization") ?? "";
    const secret = bearer.replace("Bearer ", "");
    switch (`${init.method ?? "GET"} ${url.pathname}`) {
      case "POST /auth/device/code":
        return Response.json({
          device_code: "code",
          user_code: "BCDF-GHJK",
          verification_uri: `https://${HOST}/device`,
          verification_uri_complete: `https://${HOST}/device?code=BCDF-GHJK`,
          expires_in: 600,
          interval: 5,
        });
      case "POST /auth/device/token":
        polls++;
        return polls % 3 !== 0
          ? Response.json({ error: "authorization_pending" }, { status: 400 })
          : Response.json({
            access_token: `atcr_device_${handle}`,
            did: `did:plc:${handle.split(".")[0]}`,
            handle,
            scope: "repository:*:pull,push",
            expires_in: 86_400,
          });
      case "GET /api/devices/self":
        return revoked.includes(secret)
          ? Response.json({}, { status: 401 })
          : Response.json({
            name: "docker on laptop",
            scope: "repository:*:pull,push",
            expires_at: "2026-01-02T00:00:00.000Z",
          });
      case "DELETE /api/devices/self":
        revoked.push(secret);
        return new Response(null, { status: 204 });
      default:
        return new Response(null, { status: 404 });
    }
  };
  return { revoked };
}

/** Logs in to it. */
export async function login(machine: TestMachine, handle = "alice.test") {
  const registry = approving(machine, handle);
  await runHelper(["login", HOST], machine);
  return registry;
}

/** What a client receives for a server. */
export async function get(machine: TestMachine, server = HOST) {
  machine.stdin = server;
  machine.printed.length = 0;
  await runHelper(["get"], machine);
  return JSON.parse(machine.printed[0] ?? "");
}
