/** Attacks on authentication, one case per step, against the whole program with a real PDS. */

import assert from "node:assert/strict";
import { startAuthApp } from "../support/auth_app.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { CSRF } from "./attacks/csrf.ts";
import { DEVICES } from "./attacks/devices.ts";
import { LIMITS } from "./attacks/limits.ts";
import { OAUTH } from "./attacks/oauth.ts";
import { PAGES } from "./attacks/pages.ts";
import { SCOPES } from "./attacks/scopes.ts";
import { REDIRECTS, SESSIONS } from "./attacks/sessions.ts";
import { TOKENS } from "./attacks/tokens.ts";
import { type Case, openWorld } from "./attacks/world.ts";

const CASES: Case[] = [
  ...CSRF,
  ...REDIRECTS,
  ...SESSIONS,
  ...OAUTH,
  ...DEVICES,
  ...TOKENS,
  ...SCOPES,
  ...PAGES,
  // They exhaust limits that the others need.
  ...LIMITS,
];

Deno.test("attacks on authentication fail", async (t) => {
  assert.ok(CASES.length >= 50, `${CASES.length} cases`);
  await using sandbox = await startTestSandbox();
  await using app = await startAuthApp(sandbox);
  const world = await openWorld(sandbox, app);
  for (const [name, run] of CASES) await t.step(name, () => run(world));
});
